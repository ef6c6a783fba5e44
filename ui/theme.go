package ui

import (
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/grid"
)

// The meanings that a cell can have. A theme gives each of them a look.
const (
	styleText grid.Style = iota
	styleMuted
	styleBorder
	styleTitle
	styleStrong
	styleKey
	styleBaseline
	styleES
	stylePending
	styleGood
	styleWarn
	styleBad
	styleBrand
	styleBadgeGood
	styleBadgeWarn
	styleBadgeBad
	styleBadgeCPU
	styleBadgeInfo
	styleFill
	styleTrack
	styleLatency
	styleUtilization
	styleMark
	styleWeights
	styleActivations
	styleWorkspace
	styleOther
	styleReserved
	styleSelected
	styleSlower3 // of a heat map: the strongest
	styleSlower2
	styleSlower1
	styleFaster1
	styleFaster2
	styleFaster3
	numStyles
)

// themeName is one of the looks; themeAuto is chosen by the terminal's background.
type themeName string

const (
	themeAuto     themeName = "auto"
	themeDark     themeName = "dark"
	themeLight    themeName = "light"
	themeContrast themeName = "contrast"
)

// Themes lists the names that Options.Theme takes.
func Themes() []string {
	return []string{string(themeAuto), string(themeDark), string(themeLight), string(themeContrast)}
}

func parseTheme(name string) (themeName, error) {
	switch t := themeName(name); t {
	case "":
		return themeAuto, nil
	case themeAuto, themeDark, themeLight, themeContrast:
		return t, nil
	default:
		return "", &profiler.ArgumentError{Field: "theme", Value: name, Allowed: strings.Join(Themes(), ", ")}
	}
}

// next is the theme that the theme key changes to.
func (t themeName) next() themeName {
	switch t {
	case themeAuto, themeDark:
		return themeLight
	case themeLight:
		return themeContrast
	case themeContrast:
		return themeDark
	default:
		return themeDark
	}
}

// palette holds a theme's colours, as hexadecimal RGB; the terminal library finds the nearest ones
// that the terminal has.
type palette struct {
	text, muted, border, title, strong, key   string
	baseline, es, good, warn, bad, cpu        string
	onBadge, brand, fill, track               string
	latency, utilization, mark                string
	weights, activations, workspace, reserved string
	selected                                  string
	slower, faster                            [3]heatColours // from weak to strong
}

// heatColours are a background of a heat map and what is read on it. The two directions are blue and
// orange, which everybody tells apart.
type heatColours struct{ back, text string }

func (t themeName) palette() palette {
	switch t {
	case themeLight:
		return palette{
			text: "#24292f", muted: "#6e7781", border: "#b4bcc6", title: "#0550ae", strong: "#000000",
			key: "#8250df", baseline: "#9a5b00", es: "#0a6b6b", good: "#116329", warn: "#8a5200",
			bad: "#b3141f", cpu: "#bf3989", onBadge: "#ffffff", brand: "#0550ae", fill: "#0969da",
			track: "#c4ccd5", latency: "#9a5b00", utilization: "#0969da", mark: "#8250df",
			weights: "#0969da", activations: "#0a6b6b", workspace: "#8250df", reserved: "#9a5b00",
			selected: "#0550ae",
			slower:   [3]heatColours{{"#ffe8cc", "#24292f"}, {"#ffc078", "#24292f"}, {"#e8590c", "#ffffff"}},
			faster:   [3]heatColours{{"#d3f0f5", "#24292f"}, {"#7fd3e0", "#24292f"}, {"#0b7285", "#ffffff"}},
		}
	case themeContrast:
		return palette{
			text: "#ffffff", muted: "#d0d0d0", border: "#ffffff", title: "#ffffff", strong: "#ffffff",
			key: "#ffff00", baseline: "#ffaf00", es: "#00ffff", good: "#00ff00", warn: "#ffff00",
			bad: "#ff6060", cpu: "#ff80ff", onBadge: "#000000", brand: "#ffffff", fill: "#00ffff",
			track: "#a0a0a0", latency: "#ffaf00", utilization: "#00ffff", mark: "#ff80ff",
			weights: "#00ffff", activations: "#00ff00", workspace: "#ff80ff", reserved: "#ffff00",
			selected: "#ffff00",
			slower:   [3]heatColours{{"#5f3700", "#ffffff"}, {"#af5f00", "#ffffff"}, {"#ffaf00", "#000000"}},
			faster:   [3]heatColours{{"#005f5f", "#ffffff"}, {"#00878f", "#ffffff"}, {"#00ffff", "#000000"}},
		}
	case themeAuto, themeDark:
		fallthrough
	default:
		return palette{
			text: "#d0d7de", muted: "#7d8590", border: "#444c56", title: "#79c0ff", strong: "#ffffff",
			key: "#d2a8ff", baseline: "#e3b341", es: "#56d4dd", good: "#56d364", warn: "#e3b341",
			bad: "#ff7b72", cpu: "#ff9bce", onBadge: "#0d1117", brand: "#79c0ff", fill: "#58a6ff",
			track: "#3d444d", latency: "#e3b341", utilization: "#58a6ff", mark: "#d2a8ff",
			weights: "#58a6ff", activations: "#56d4dd", workspace: "#d2a8ff", reserved: "#e3b341",
			selected: "#79c0ff",
			slower:   [3]heatColours{{"#43300f", "#e6d3ab"}, {"#7a4f0e", "#ffffff"}, {"#e08e1b", "#0d1117"}},
			faster:   [3]heatColours{{"#113b44", "#b6e6ec"}, {"#126b7a", "#ffffff"}, {"#39c5d6", "#0d1117"}},
		}
	}
}

// sequences returns the escape sequence of every style. Without colour bold, faint and reverse remain:
// they are no colours, and the words beside them say the same.
func (t themeName) sequences(depth colorDepth) []string {
	p, color := t.palette(), depth != colorless
	if depth == sixteenColors {
		p = t.palette16()
	}
	fg := func(hex string) lipgloss.Style {
		if !color {
			return lipgloss.NewStyle()
		}
		return lipgloss.NewStyle().Foreground(lipgloss.Color(hex))
	}
	badge := func(hex string) lipgloss.Style {
		if !color {
			return lipgloss.NewStyle().Bold(true).Reverse(true)
		}
		return lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color(p.onBadge)).Background(lipgloss.Color(hex))
	}
	heat := func(c heatColours) lipgloss.Style {
		if !color {
			return lipgloss.NewStyle()
		}
		return lipgloss.NewStyle().Foreground(lipgloss.Color(c.text)).Background(lipgloss.Color(c.back))
	}
	muted := fg(p.muted)
	if !color {
		muted = muted.Faint(true)
	}
	looks := [numStyles]lipgloss.Style{
		styleText: fg(p.text), styleMuted: muted, styleBorder: fg(p.border),
		styleTitle: fg(p.title).Bold(true), styleStrong: fg(p.strong).Bold(true), styleKey: fg(p.key).Bold(true),
		styleBaseline: fg(p.baseline), styleES: fg(p.es), stylePending: fg(p.warn).Bold(true),
		styleGood: fg(p.good).Bold(true), styleWarn: fg(p.warn), styleBad: fg(p.bad).Bold(true),
		styleBrand: badge(p.brand), styleBadgeGood: badge(p.good), styleBadgeWarn: badge(p.warn),
		styleBadgeBad: badge(p.bad), styleBadgeCPU: badge(p.cpu), styleBadgeInfo: badge(p.title),
		styleFill: fg(p.fill), styleTrack: fg(p.track),
		styleLatency: fg(p.latency), styleUtilization: fg(p.utilization), styleMark: fg(p.mark),
		styleWeights: fg(p.weights), styleActivations: fg(p.activations), styleWorkspace: fg(p.workspace),
		styleOther: fg(p.muted), styleReserved: fg(p.reserved), styleSelected: badge(p.selected),
		styleSlower1: heat(p.slower[0]), styleSlower2: heat(p.slower[1]), styleSlower3: heat(p.slower[2]),
		styleFaster1: heat(p.faster[0]), styleFaster2: heat(p.faster[1]), styleFaster3: heat(p.faster[2]),
	}
	out := make([]string, numStyles)
	for i, look := range looks {
		out[i], _, _ = strings.Cut(look.Render("\x00"), "\x00")
	}
	return out
}

// glyphs are the characters that differ between a full terminal and an ASCII one.
type glyphs struct {
	border                                                 grid.Border
	vertical, degree                                       string
	weights, activations, workspace, other, reserved, free rune
}

func newGlyphs(ascii bool) glyphs {
	if ascii {
		return glyphs{
			border:   grid.Border{TopLeft: '+', Top: '-', TopRight: '+', Side: '|', BottomLeft: '+', BottomRight: '+'},
			vertical: ":", degree: " C",
			weights: '#', activations: '=', workspace: '%', other: 'o', reserved: 'x', free: '.',
		}
	}
	return glyphs{
		border:   grid.Border{TopLeft: '╭', Top: '─', TopRight: '╮', Side: '│', BottomLeft: '╰', BottomRight: '╯'},
		vertical: "┊", degree: " °C",
		weights: '█', activations: '▓', workspace: '▒', other: '░', reserved: '▚', free: '·',
	}
}
