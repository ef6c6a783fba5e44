// Opens the library under test.
#pragma once

#include <string>

namespace moetop_test {

// Returns what is wrong, or nothing. To be called before any function of moetop.h.
std::string open_library(const char* path);

}  // namespace moetop_test
