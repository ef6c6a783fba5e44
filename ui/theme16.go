package ui

// colorDepth is how many colours the screen may use.
type colorDepth int

const (
	manyColors colorDepth = iota
	sixteenColors
	colorless
)

// palette16 holds a theme's colours for terminals that have sixteen, by their numbers there, which each
// terminal draws in shades that fit its background. The nearest of sixteen to the theme's own colours
// would not do: that to amber, which is no verdict, is the red of what is slower.
func (t themeName) palette16() palette {
	switch t {
	case themeLight:
		return palette{
			text: "0", muted: "8", border: "7", title: "4", strong: "0",
			key: "5", baseline: "3", es: "6", good: "2", warn: "3",
			bad: "1", cpu: "5", onBadge: "15", brand: "4", fill: "4",
			track: "7", latency: "3", utilization: "4", mark: "5",
			weights: "4", activations: "6", workspace: "5", reserved: "3",
			selected: "4",
			slower:   [3]heatColours{{"15", "3"}, {"11", "0"}, {"3", "15"}},
			faster:   [3]heatColours{{"15", "6"}, {"14", "0"}, {"6", "15"}},
		}
	case themeContrast:
		return palette{
			text: "15", muted: "7", border: "15", title: "15", strong: "15",
			key: "11", baseline: "11", es: "14", good: "10", warn: "11",
			bad: "9", cpu: "13", onBadge: "0", brand: "15", fill: "14",
			track: "7", latency: "11", utilization: "14", mark: "13",
			weights: "14", activations: "10", workspace: "13", reserved: "11",
			selected: "11",
			slower:   [3]heatColours{{"0", "11"}, {"3", "15"}, {"11", "0"}},
			faster:   [3]heatColours{{"0", "14"}, {"6", "15"}, {"14", "0"}},
		}
	case themeAuto, themeDark:
		fallthrough
	default:
		return palette{
			text: "7", muted: "8", border: "8", title: "12", strong: "15",
			key: "13", baseline: "11", es: "14", good: "10", warn: "11",
			bad: "9", cpu: "13", onBadge: "0", brand: "12", fill: "12",
			track: "8", latency: "11", utilization: "12", mark: "13",
			weights: "12", activations: "14", workspace: "13", reserved: "11",
			selected: "12",
			slower:   [3]heatColours{{"0", "3"}, {"3", "0"}, {"11", "0"}},
			faster:   [3]heatColours{{"0", "6"}, {"6", "0"}, {"14", "0"}},
		}
	}
}
