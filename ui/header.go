package ui

import (
	"slices"
	"strconv"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/grid"
)

// header is the two lines that say what runs where, and how.
type header struct {
	scene
	pulse  pulse
	frozen bool
}

// item is a piece of a header line. Pieces of a higher rank go first when there is no room.
type item struct {
	text  string
	style grid.Style
	rank  int
}

func (h header) draw(area grid.Area, compact bool) {
	drawItems(area.Line(0), h.workloadItems(compact), h.badges(compact), " · ")
	drawItems(area.Line(1), h.runItems(), h.rateItems(), "  ")
}

// workloadItems say what runs.
func (h header) workloadItems(compact bool) []item {
	items := []item{{text: " moetop ", style: styleBrand}}
	if compact {
		items = nil
	}
	if h.workload == nil {
		return append(items, item{text: "no workload yet", style: styleMuted, rank: 1})
	}
	w := h.workload.Workload
	tokens := item{text: grouped(int64(w.Tokens)) + " tokens", style: styleStrong}
	if t := h.want.tokens(h.workload); t != w.Tokens {
		tokens = item{text: grouped(int64(w.Tokens)) + "→" + grouped(int64(t)) + " tokens", style: stylePending}
	}
	routing := item{text: w.Routing.String(), style: styleText, rank: 1}
	if r := h.want.routing(h.workload); r != w.Routing {
		routing = item{text: routing.text + "→" + r.String(), style: stylePending, rank: 1}
	}
	title := item{text: w.Title(), style: styleTitle}
	if h.want.model != nil && *h.want.model != w.Name() {
		title = item{text: w.Name() + "→" + *h.want.model, style: stylePending}
	}
	return append(items, title, tokens, routing,
		item{
			text: "E " + strconv.Itoa(w.Experts) + " k " + strconv.Itoa(w.TopK) + " H " + strconv.Itoa(w.Hidden) +
				" I " + strconv.Itoa(w.Intermediate),
			style: styleMuted, rank: 5,
		})
}

// badges say on what it runs. The CPU engine's is always there: its figures must never be taken for
// a GPU's.
func (h header) badges(compact bool) []item {
	var items []item
	if badge, on := recordingBadge(h.opts.Recorder, compact); on {
		items = append(items, badge)
	}
	if h.frozen {
		items = append(items, item{text: " SCREEN PAUSED ", style: styleBadgeWarn})
	}
	switch {
	case h.workload == nil:
	case h.cpu():
		items = append(items, item{text: " CPU REFERENCE ", style: styleBadgeCPU})
	case h.workload.GPU != nil:
		items = append(items, item{text: h.workload.GPU.Name, style: styleStrong, rank: 1})
	default:
		items = append(items, item{text: h.workload.Engine, style: styleStrong, rank: 1})
	}
	return items
}

// runItems say how it runs.
func (h header) runItems() []item {
	var items []item
	if h.sample != nil {
		items = append(items, h.modeItem())
	}
	if h.workload == nil {
		return items
	}
	w := h.workload
	family := item{text: w.Kernels + " kernels", style: styleMuted, rank: 2}
	if next := h.want.family(w); next != w.Kernels {
		family = item{text: w.Kernels + "→" + next + " kernels", style: stylePending, rank: 2}
	} else if w.KernelsRequested == profiler.AutoKernels && len(w.KernelFamilies) > 0 {
		family.text += " (auto)"
	}
	timer := "timer " + w.Timer
	style := styleMuted
	if w.TimerReason != "" {
		// A timer that was not the first choice is less exact, and the log says why.
		timer, style = timer+" (fallback)", styleWarn
	}
	items = append(items,
		family, item{text: timer, style: style, rank: 3})
	if w.ESLaunch != "" {
		items = append(items, item{text: "ES " + w.ESLaunch, style: styleMuted, rank: 6})
	}
	if w.L2 != "" {
		items = append(items, item{text: "L2 " + w.L2, style: styleMuted, rank: 5})
	}
	return items
}

func (h header) modeItem() item {
	s := h.sample
	ab := h.want.ab(s)
	switch {
	case ab && !s.AB:
		return item{text: " → A/B", style: stylePending}
	case ab:
		return item{text: " ● A/B " + grouped(int64(h.pulse.pairs)) + " cycles", style: styleES}
	case s.AB:
		return item{text: " → manual", style: stylePending}
	default:
		return item{text: " ○ manual " + shortTuple(s.ES), style: styleText}
	}
}

// rateItems say how fast it goes and what it costs.
func (h header) rateItems() []item {
	if h.sample == nil {
		return nil
	}
	rate := perSecond(h.pulse.stepsPerSecond) + " steps/s"
	if !h.condition.live() {
		rate = none + " steps/s"
	}
	worker := number(&h.pulse.workerPercent, "%")
	if h.condition.gone() {
		worker = none
	}
	items := []item{
		{text: rate, style: styleStrong},
		{text: "gen " + strconv.FormatUint(h.view.Generation, 10), style: styleMuted, rank: 4},
		{text: "worker " + worker + " CPU", style: styleMuted, rank: 4},
	}
	if screen := h.pulse.screenPercent; screen != nil {
		items = append(items, item{text: "screen " + number(screen, "%"), style: styleMuted, rank: 5})
	}
	if h.sample.Lost > 0 {
		items = append(items, item{text: grouped(int64(h.sample.Lost)) + " lost", style: styleWarn, rank: 3})
	}
	return items
}

// drawItems puts some pieces at the left and some at the right, and leaves out the least important
// ones until they fit.
func drawItems(area grid.Area, left, right []item, separator string) {
	for {
		total := itemsWidth(left, separator) + itemsWidth(right, "  ") + 3
		if total <= area.Width() || !dropWorst(&left, &right) {
			break
		}
	}
	end := area.Width()
	if len(right) > 0 {
		end -= itemsWidth(right, "  ") + 1
	}
	printItems(area.Sub(grid.Rect{X: 0, Y: 0, W: max(end, 0), H: 1}), left, separator)
	printItems(area.Sub(grid.Rect{X: max(end, 0), Y: 0, W: area.Width() - max(end, 0), H: 1}), right, "  ")
}

func printItems(area grid.Area, items []item, separator string) {
	x := 0
	for i, it := range items {
		if i > 0 && items[i-1].style == styleBrand {
			x = area.Print(x, 0, " ", styleText)
		} else if i > 0 {
			x = area.Print(x, 0, separator, styleMuted)
		}
		x = area.Print(x, 0, it.text, it.style)
	}
}

func itemsWidth(items []item, separator string) int {
	w := max(len(items)-1, 0) * grid.Width(separator)
	for _, it := range items {
		w += grid.Width(it.text)
	}
	return w
}

// dropWorst removes the item of the highest rank; false says that all that is left must stay.
func dropWorst(lists ...*[]item) bool {
	var from *[]item
	place, worst := 0, 0
	for _, list := range lists {
		for i, it := range *list {
			if it.rank > 0 && it.rank >= worst {
				from, place, worst = list, i, it.rank
			}
		}
	}
	if from == nil {
		return false
	}
	*from = slices.Delete(slices.Clone(*from), place, place+1)
	return true
}
