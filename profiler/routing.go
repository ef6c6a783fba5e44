package profiler

import (
	"fmt"
	"strconv"
	"strings"
)

// Routing names a distribution of tokens over experts. The k experts of a token are distinct.
type Routing struct {
	Kind     RoutingKind
	Exponent float64 // of zipf, > 0; 0 for the others
	File     string  // of trace; empty for the others
}

// RoutingKind is the family of a routing.
type RoutingKind string

// The routings: every expert alike; popularity falling as 1/rank^s; one expert that every token
// visits, the others uniform; and what was recorded elsewhere, in a file.
const (
	Uniform RoutingKind = "uniform"
	Zipf    RoutingKind = "zipf"
	Hot     RoutingKind = "hot"
	Trace   RoutingKind = "trace"
)

// MaxExponent bounds a zipf exponent; beyond it nothing but the first k experts is ever drawn.
const MaxExponent = 8

const routingsAllowed = "uniform, hot, zipf:S with S above 0 and at most 8, such as zipf:1.0, or trace:FILE"

// ParseRouting reads uniform, hot, zipf (exponent 1), zipf:1.2, zipf1.2 or trace:FILE, whose file it
// does not open. The error is an *ArgumentError.
func ParseRouting(text string) (Routing, error) {
	refused := &ArgumentError{Field: "routing", Value: strconv.Quote(text), Allowed: routingsAllowed}
	if text == string(Uniform) || text == string(Hot) {
		return Routing{Kind: RoutingKind(text)}, nil
	}
	if file, ok := strings.CutPrefix(text, string(Trace)+":"); ok && file != "" {
		return Routing{Kind: Trace, File: file}, nil
	}
	rest, ok := strings.CutPrefix(text, string(Zipf))
	if !ok {
		return Routing{}, refused
	}
	if rest == "" {
		return Routing{Kind: Zipf, Exponent: 1}, nil
	}
	s, err := strconv.ParseFloat(strings.TrimPrefix(rest, ":"), 64)
	r := Routing{Kind: Zipf, Exponent: s}
	if err != nil || r.Validate() != nil {
		return Routing{}, refused
	}
	return r, nil
}

// Validate returns an *ArgumentError for a routing that ParseRouting cannot have returned.
func (r Routing) Validate() error {
	switch r.Kind {
	case Uniform, Hot:
		if r.Exponent == 0 && r.File == "" {
			return nil
		}
	case Zipf:
		if r.Exponent > 0 && r.Exponent <= MaxExponent && r.File == "" {
			return nil
		}
	case Trace:
		if r.Exponent == 0 && r.File != "" {
			return nil
		}
	}
	return &ArgumentError{Field: "routing", Value: strconv.Quote(r.String()), Allowed: routingsAllowed}
}

// String returns the routing as ParseRouting reads it; the exponent has at least one decimal.
func (r Routing) String() string {
	if r.Kind == Trace {
		return string(Trace) + ":" + r.File
	}
	if r.Kind != Zipf {
		return string(r.Kind)
	}
	s := strconv.FormatFloat(r.Exponent, 'f', -1, 64)
	if !strings.ContainsAny(s, ".IN") {
		s += ".0"
	}
	return string(Zipf) + ":" + s
}

// MarshalText implements encoding.TextMarshaler, so that JSON shows the string.
func (r Routing) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. The empty text is the unset routing, which
// Validate refuses.
func (r *Routing) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = Routing{}
		return nil
	}
	parsed, err := ParseRouting(string(text))
	if err != nil {
		return fmt.Errorf("reading a workload: %w", err)
	}
	*r = parsed
	return nil
}
