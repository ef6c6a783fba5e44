package kernels

// ABIVersion is the version of moetop.h that this program speaks with a library.
const ABIVersion = abiVersion
