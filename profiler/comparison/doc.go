// Package comparison compares what two sides measured: each side one report or sweep, or several of
// them. It matches the points that are the same work, says by what factor each figure changed and how
// sure that is, and refuses to compare what cannot be compared.
package comparison
