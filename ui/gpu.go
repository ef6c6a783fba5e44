package ui

import (
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/chart"
	"github.com/moetop/moetop/ui/internal/grid"
)

// gpuPanel shows what the GPU did meanwhile.
type gpuPanel struct{ scene }

// metric is one gauge and its history.
type metric struct {
	label   string
	value   *float64
	history func(*profiler.HistoryPoint) float64
}

func (p gpuPanel) reading() *profiler.Reading {
	if p.sample == nil {
		return nil
	}
	return p.sample.NVML
}

func (p gpuPanel) metrics() []metric {
	r := p.reading()
	if r == nil {
		r = &profiler.Reading{}
	}
	return []metric{
		{"SM util", r.SMUtilizationPercent, func(h *profiler.HistoryPoint) float64 { return h.SMUtilizationPercent }},
		{"occupancy", r.SMOccupancyPercent, func(h *profiler.HistoryPoint) float64 { return h.SMOccupancyPercent }},
		{"tensor", r.TensorPercent, func(h *profiler.HistoryPoint) float64 { return h.TensorPercent }},
		{"DRAM bw", r.DRAMPercent, func(h *profiler.HistoryPoint) float64 { return h.DRAMPercent }},
	}
}

func (p gpuPanel) draw(area grid.Area, compact bool) {
	if compact {
		p.drawCompact(area)
		return
	}
	area.Box(p.glyphs.border, styleBorder)
	area.Sub(grid.Rect{W: area.Width() - 1, H: 1}).Print(2, 0, " "+p.title()+" ", styleTitle)
	if r := p.reading(); r != nil && r.Stale {
		age := p.view.Time.Sub(r.Time)
		area.Sub(grid.Rect{Y: area.Height() - 1, W: area.Width() - 1, H: 1}).
			Print(2, 0, " STALE: read "+ageText(age)+" ago ", styleWarn)
	}
	inner := area.Inner()
	switch {
	case p.reading() != nil:
		p.drawReading(inner)
	default:
		p.drawAbsent(inner)
	}
	if r := p.reading(); r != nil && r.Stale {
		inner.Restyle(styleMuted)
	}
}

func (p gpuPanel) title() string {
	switch {
	case p.cpu():
		return "GPU: none in use"
	case p.workload != nil && p.workload.GPU != nil:
		g := p.workload.GPU
		return "GPU " + strconv.Itoa(g.Index) + ": " + strings.TrimPrefix(g.Name, "NVIDIA ")
	default:
		return "GPU"
	}
}

// Lines of the panel below the gauges: kernel active, memory and its legend, clocks, throttling.
const gpuLinesBelow = 6

// drawReading draws gauges, then memory, clocks and power. Lines that are left over become histories.
func (p gpuPanel) drawReading(area grid.Area) {
	metrics := p.metrics()
	spare := max(area.Height()-len(metrics)-gpuLinesBelow-1, 0)
	history := spare / len(metrics)
	y := 0
	for _, m := range metrics {
		p.drawMetric(area, y, m, history)
		y += 1 + history
	}
	p.drawGauge(area, y, metric{label: "kernel act", value: p.reading().KernelActivePercent}, styleMuted, area.Width())
	y++
	y = p.drawMemory(area, y, spare > 0)
	p.drawClocks(area, y)
}

// sparkWidth is from which width on a gauge leaves room for its history beside it.
const sparkWidth = 44

func (p gpuPanel) drawMetric(area grid.Area, y int, m metric, history int) {
	width := area.Width()
	if history == 0 && width >= sparkWidth {
		width = area.Width() * 3 / 5
		p.drawHistory(area.Sub(grid.Rect{X: width + 1, Y: y, W: area.Width() - width - 1, H: 1}), m)
	}
	p.drawGauge(area, y, m, styleFill, width)
	if history > 0 {
		p.drawHistory(area.Sub(grid.Rect{X: gaugeLabel, Y: y + 1, W: area.Width() - gaugeLabel, H: history}), m)
	}
}

const (
	gaugeLabel = 11
	gaugeValue = 5
)

func (p gpuPanel) drawGauge(area grid.Area, y int, m metric, fill grid.Style, width int) {
	area.Print(0, y, m.label, styleMuted)
	text, style := number(m.value, "%"), styleText
	if m.value == nil {
		style = styleMuted
	} else {
		bar := chart.Gauge{Fill: fill, Track: styleTrack, ASCII: p.opts.ASCII}
		bar.Draw(area, gaugeLabel, y, width-gaugeLabel-gaugeValue, *m.value/100)
	}
	area.PrintRight(width, y, text, style)
}

func (p gpuPanel) drawHistory(area grid.Area, m metric) {
	plot := chart.Plot{
		Window: chart.Window{End: p.view.Time, Span: p.opts.HistorySpan},
		Scale:  chart.Scale{Low: 0, High: 100},
		Filled: true,
	}
	plot.Render(area, points(p.view.History, m.history), styleUtilization, p.opts.ASCII)
}

// points picks one value of the history. It is made anew for each chart of each frame, and so not copied.
func points(history []profiler.HistoryPoint, value func(*profiler.HistoryPoint) float64) iter.Seq[chart.Point] {
	return func(yield func(chart.Point) bool) {
		for i := range history {
			if !yield(chart.Point{Time: history[i].Time, Value: value(&history[i])}) {
				return
			}
		}
	}
}

func (p gpuPanel) drawClocks(area grid.Area, y int) {
	r := p.reading()
	x := area.Print(0, y, p.clockText(r), styleText)
	if r.PowerWatts != nil {
		x = area.Print(x+2, y, p.powerText(r), styleText)
	}
	if r.TemperatureCelsius != nil {
		x = area.Print(x+2, y, number(r.TemperatureCelsius, p.glyphs.degree), styleText)
	}
	if energy := p.energyText(r); energy != "" && x+2+grid.Width(energy) <= area.Width() {
		area.Print(x+2, y, energy, styleMuted)
	}
	text, style := throttleText(r)
	area.Print(0, y+1, text, style)
}

func (p gpuPanel) clockText(r *profiler.Reading) string {
	if r.SMClockMHz == nil {
		return "clock " + unknown
	}
	return number(r.SMClockMHz, "") + "MHz"
}

func (p gpuPanel) powerText(r *profiler.Reading) string {
	if r.PowerLimitWatts == nil {
		return number(r.PowerWatts, "W")
	}
	return number(r.PowerWatts, "") + "/" + number(r.PowerLimitWatts, "W")
}

// energyText is the power that a token takes through this layer, while steps run.
func (p gpuPanel) energyText(r *profiler.Reading) string {
	if r.PowerWatts == nil || p.workload == nil || p.condition != conditionRunning || p.sample.StepsPerSecond <= 0 {
		return ""
	}
	perToken := *r.PowerWatts / p.sample.StepsPerSecond / float64(max(p.workload.Workload.Tokens, 1))
	if math.IsNaN(perToken) || math.IsInf(perToken, 0) {
		return ""
	}
	return strconv.FormatFloat(perToken*1000, 'g', 3, 64) + " mJ/token"
}

func throttleText(r *profiler.Reading) (string, grid.Style) {
	switch {
	case r.ThrottleReasons == nil:
		return "throttled: " + unknown, styleMuted
	case len(r.ThrottleReasons) == 0:
		return "clocks free, not throttled", styleMuted
	default:
		return "THROTTLED: " + strings.Join(r.ThrottleReasons, ", "), styleWarn
	}
}

// explained reports whether the log says why there are no readings: NVML may take seconds to answer or fail.
func (p gpuPanel) explained() bool {
	return p.condition != conditionBuilding && slices.ContainsFunc(p.view.Log, func(e profiler.LogEntry) bool { return e.Code == "nvml" })
}

// drawAbsent says why there are no readings, and what is known without them.
func (p gpuPanel) drawAbsent(area grid.Area) {
	y := 0
	for _, m := range p.metrics() {
		if p.cpu() {
			// The reason needs the lines more than four gauges without a value do.
			m.label = "utilization, occupancy"
		}
		p.drawGauge(area, y, m, styleFill, area.Width())
		y++
		if p.cpu() {
			break
		}
	}
	why, early := "NVML gave no readings; the log (L) says why.", !p.cpu() && !p.explained()
	switch {
	case p.cpu():
		why = "The CPU reference engine runs: real arithmetic, but its times say nothing about a GPU."
		if p.workload.EngineReason != "" {
			why += " " + p.workload.EngineReason
		}
	case early:
		why = "no readings yet"
	}
	y++
	style := styleWarn
	if early {
		style = styleMuted
	}
	for _, text := range wrap(why, area.Width()) {
		if y >= area.Height()-1 {
			break
		}
		area.Print(0, y, text, style)
		y++
	}
	if p.workload != nil {
		area.Print(0, area.Height()-1, oursText(p.workload.Memory), styleMuted)
	}
}

// drawCompact puts the most important figures into two lines.
func (p gpuPanel) drawCompact(area grid.Area) {
	r := p.reading()
	if r == nil {
		why, style := "no readings, L says why", styleWarn
		switch {
		case p.cpu():
			why = "the CPU reference engine runs"
		case !p.explained():
			why, style = "no readings yet", styleMuted
		}
		area.Print(0, 0, "GPU "+unknown+": "+why, style)
		if p.workload != nil {
			area.Print(0, 1, oursText(p.workload.Memory), styleMuted)
		}
		return
	}
	x := 0
	for _, m := range p.metrics() {
		x = area.Print(x, 0, m.label+" ", styleMuted)
		x = area.Print(x, 0, number(m.value, "%"), styleText) + 2
	}
	x = area.Print(0, 1, "mem "+memoryText(r)+"  "+p.clockText(r)+"  ", styleText)
	if r.PowerWatts != nil {
		x = area.Print(x, 1, p.powerText(r)+"  ", styleText)
	}
	text, style := throttleText(r)
	area.Print(x, 1, text, style)
	if r.Stale {
		area.Restyle(styleMuted)
		area.PrintRight(area.Width(), 0, " STALE ", styleWarn)
	}
}
