package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The values of flags. Each says what is allowed when it refuses a text; the flag's name and the
// text are added by whoever sets it.

// choiceValue is one word of several.
type choiceValue struct {
	dst     *string
	allowed []string
}

func (v choiceValue) String() string {
	if v.dst == nil {
		return ""
	}
	return *v.dst
}
func (v choiceValue) Type() string { return strings.Join(v.allowed, "|") }
func (v choiceValue) Set(text string) error {
	if !slices.Contains(v.allowed, text) {
		return fmt.Errorf("one of %s is allowed", strings.Join(v.allowed, ", "))
	}
	*v.dst = text
	return nil
}

// intValue is a whole number in a range.
type intValue struct {
	dst      *int
	min, max int
}

func (v intValue) String() string {
	if v.dst == nil {
		return ""
	}
	return strconv.Itoa(*v.dst)
}
func (v intValue) Type() string { return "N" }
func (v intValue) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < v.min || n > v.max {
		return fmt.Errorf("a whole number from %d to %d is allowed", v.min, v.max)
	}
	*v.dst = n
	return nil
}

// seedValue is any unsigned number.
type seedValue struct{ dst *uint64 }

func (v seedValue) String() string {
	if v.dst == nil {
		return ""
	}
	return strconv.FormatUint(*v.dst, 10)
}
func (v seedValue) Type() string { return "N" }
func (v seedValue) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return errors.New("a whole number from 0 to 18446744073709551615 is allowed")
	}
	*v.dst = n
	return nil
}

// durationValue is a Go duration in a range.
type durationValue struct {
	dst      *time.Duration
	min, max time.Duration
}

func (v durationValue) String() string {
	if v.dst == nil || *v.dst == 0 {
		return ""
	}
	return v.dst.String()
}
func (v durationValue) Type() string { return "DURATION" }
func (v durationValue) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < v.min || d > v.max {
		return fmt.Errorf("a duration such as 500ms or 10s, from %v to %v, is allowed", v.min, v.max)
	}
	*v.dst = d
	return nil
}

// boolValue is a switch; pflag's own would not say what is allowed.
type boolValue struct{ dst *bool }

func (v boolValue) String() string {
	return strconv.FormatBool(v.dst != nil && *v.dst)
}
func (v boolValue) Type() string { return "bool" }
func (v boolValue) Set(text string) error {
	b, err := strconv.ParseBool(text)
	if err != nil {
		return errors.New("true or false is allowed")
	}
	*v.dst = b
	return nil
}

// parsedValue is a text that a function has to understand.
type parsedValue struct {
	dst   *string
	kind  string
	parse func(text string) error
}

func (v parsedValue) String() string {
	if v.dst == nil {
		return ""
	}
	return *v.dst
}
func (v parsedValue) Type() string { return v.kind }
func (v parsedValue) Set(text string) error {
	if err := v.parse(text); err != nil {
		return err
	}
	*v.dst = text
	return nil
}
