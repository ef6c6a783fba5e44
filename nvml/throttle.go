package nvml

import (
	"fmt"

	api "github.com/NVIDIA/go-nvml/pkg/nvml"
)

// throttleWords decodes NVML's bit field into short words. An idle GPU lowers its clocks on its own:
// that throttles nothing and is left out. The result is never nil.
func throttleWords(bits uint64) []string {
	names := []struct {
		bit  uint64
		word string
	}{
		{api.ClocksEventReasonApplicationsClocksSetting, "application clocks"},
		{api.ClocksEventReasonSwPowerCap, "power cap"},
		{api.ClocksThrottleReasonHwSlowdown, "hardware slowdown"},
		{api.ClocksEventReasonSyncBoost, "sync boost"},
		{api.ClocksEventReasonSwThermalSlowdown, "thermal"},
		{api.ClocksThrottleReasonHwThermalSlowdown, "hardware thermal"},
		{api.ClocksThrottleReasonHwPowerBrakeSlowdown, "power brake"},
		{api.ClocksEventReasonDisplayClockSetting, "display clocks"},
		{api.ClocksEventReasonBoardLimit, "board limit"},
		{api.ClocksEventReasonReliability, "reliability"},
	}
	words := []string{}
	rest := bits &^ api.ClocksEventReasonGpuIdle
	for _, n := range names {
		if rest&n.bit != 0 {
			words = append(words, n.word)
			rest &^= n.bit
		}
	}
	if rest != 0 {
		words = append(words, fmt.Sprintf("unknown %#x", rest))
	}
	return words
}
