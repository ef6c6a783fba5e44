package main

import (
	"fmt"
	"strconv"
	"strings"
)

// listValue is a flag that takes several texts, by commas or repeated. The first that is set replaces
// the default.
type listValue struct {
	dst   *[]string
	kind  string
	parse func(text string) error
	set   *bool
}

func (v listValue) String() string {
	if v.dst == nil {
		return ""
	}
	return strings.Join(*v.dst, ",")
}

// Type implements pflag.Value.
func (v listValue) Type() string { return v.kind }

// Set implements pflag.Value.
func (v listValue) Set(text string) error {
	parts := strings.Split(text, ",")
	for _, part := range parts {
		if err := v.parse(part); err != nil {
			return fmt.Errorf("%q: %w", part, err)
		}
	}
	if !*v.set {
		*v.dst = nil
		*v.set = true
	}
	*v.dst = append(*v.dst, parts...)
	return nil
}

// numberIn checks a whole number of a list.
func numberIn(low, high int) func(string) error {
	return func(text string) error {
		if n, err := strconv.Atoi(text); err != nil || n < low || n > high {
			return fmt.Errorf("whole numbers from %d to %d are allowed", low, high)
		}
		return nil
	}
}
