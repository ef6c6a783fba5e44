package ui

import (
	"regexp"
	"strings"
)

// tileShape finds the tile of a CUTLASS kernel in its full name: three static sizes of which the first
// is a tile's, not a cluster's.
var tileShape = regexp.MustCompile(`C<(\d{2,3})>\s*,\s*(?:cute::)?C<(\d{2,3})>\s*,\s*(?:cute::)?C<(\d{2,3})>`)

// shortKernel makes a kernel's full name fit into a table: without return type, namespaces, arguments
// and template arguments, but with what tells CUTLASS's kernels apart: their tile and schedule.
func shortKernel(name string) string {
	short := strings.TrimPrefix(strings.TrimSpace(name), "void ")
	short = strings.NewReplacer("(anonymous namespace)::", "", "<unnamed>::", "").Replace(short)
	arguments := ""
	if at := strings.IndexByte(short, '<'); at >= 0 {
		short, arguments = short[:at], short[at:]
	} else if at := strings.IndexByte(short, '('); at > 0 {
		short = short[:at]
	}
	if at := strings.LastIndex(short, "::"); at >= 0 {
		short = short[at+2:]
	}
	if arguments == "" {
		return short
	}
	if shape := tileShape.FindStringSubmatch(arguments); shape != nil {
		if short == "device_kernel" {
			// CUTLASS calls all of its kernels so.
			short = "gemm"
		}
		short += " " + strings.Join(shape[1:], "x")
		for _, schedule := range []string{"Pingpong", "Cooperative"} {
			if strings.Contains(arguments, schedule) {
				return short + " " + strings.ToLower(schedule)
			}
		}
		return short
	}
	const longestArguments = 16
	end := strings.LastIndexByte(arguments, '>')
	if inner := arguments[:end+1]; end >= 0 && len(inner) <= longestArguments {
		return short + inner
	}
	return short
}
