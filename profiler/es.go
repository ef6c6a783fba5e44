package profiler

import (
	"encoding/json"
	"fmt"
)

// ESMask says for which stages expert specialization is on: bit 0 up, bit 1 down, as in the C ABI.
// In JSON it is {"up": bool, "down": bool}.
type ESMask uint8

// The four masks.
const (
	ESOff    ESMask = 0
	ESUp     ESMask = 1
	ESDown   ESMask = 2
	ESBoth   ESMask = 3
	NumMasks        = 4
)

// Has reports whether expert specialization is on for the stage.
func (m ESMask) Has(s Stage) bool {
	switch s {
	case Up:
		return m&ESUp != 0
	case Down:
		return m&ESDown != 0
	case Route, Quant, Act, Combine:
		return false
	default:
		return false
	}
}

// With returns the mask with the stage switched; stages without a switch change nothing.
func (m ESMask) With(s Stage, on bool) ESMask {
	var bit ESMask
	switch s {
	case Up:
		bit = ESUp
	case Down:
		bit = ESDown
	case Route, Quant, Act, Combine:
		return m
	}
	if on {
		return m | bit
	}
	return m &^ bit
}

// String returns off, up, down or both: the values of the flag --es.
func (m ESMask) String() string {
	switch m {
	case ESOff:
		return "off"
	case ESUp:
		return "up"
	case ESDown:
		return "down"
	case ESBoth:
		return "both"
	default:
		return fmt.Sprintf("es(%d)", uint8(m))
	}
}

// Tuple returns the mask as the Python tuple that sglang's enable_es takes, for example
// "(False, True)".
func (m ESMask) Tuple() string {
	word := map[bool]string{false: "False", true: "True"}
	return fmt.Sprintf("(%s, %s)", word[m.Has(Up)], word[m.Has(Down)])
}

// ParseES is the inverse of String.
func ParseES(text string) (ESMask, error) {
	for m := range ESMask(NumMasks) {
		if m.String() == text {
			return m, nil
		}
	}
	return 0, fmt.Errorf("%q is not one of off, up, down, both", text)
}

type esJSON struct {
	Up   bool `json:"up"`
	Down bool `json:"down"`
}

// MarshalJSON implements json.Marshaler.
func (m ESMask) MarshalJSON() ([]byte, error) {
	return json.Marshal(esJSON{Up: m.Has(Up), Down: m.Has(Down)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *ESMask) UnmarshalJSON(data []byte) error {
	var v esJSON
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("es mask: %w", err)
	}
	*m = ESOff.With(Up, v.Up).With(Down, v.Down)
	return nil
}
