package ui

import "strings"

// lookup returns the last value of a variable, as a shell would.
func lookup(environ []string, name string) string {
	value := ""
	for _, entry := range environ {
		if k, v, ok := strings.Cut(entry, "="); ok && k == name {
			value = v
		}
	}
	return value
}

// noColor reports whether NO_COLOR is set to anything. The colour library parses it as a boolean and
// would keep colour for NO_COLOR=yes.
func noColor(environ []string) bool { return lookup(environ, "NO_COLOR") != "" }

// needsASCII reports whether the locale names another encoding than UTF-8, or the terminal is the
// Linux console, whose font has no braille. A locale that is not set at all says nothing, as in most
// containers, and counts as UTF-8.
func needsASCII(environ []string) bool {
	if lookup(environ, "TERM") == "linux" {
		return true
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(lookup(environ, name)); locale != "" {
			return !strings.Contains(locale, "utf-8") && !strings.Contains(locale, "utf8")
		}
	}
	return false
}
