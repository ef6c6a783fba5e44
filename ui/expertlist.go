package ui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/moetop/moetop/profiler"
)

// expertsState is what the experts page remembers.
type expertsState struct {
	cursor  int // place in the list
	byRows  bool
	down    bool // shows the tiles of down, where they are not those of up
	filter  string
	editing bool
}

// stage is the one whose tiles are shown.
func (e expertsState) stage(s scene) profiler.Stage {
	if e.down && s.tilesDiffer() {
		return profiler.Down
	}
	return profiler.Up
}

// expert is one bar. class is its place among the classes with ES on; -1 if that is not known, or if
// it has no rows.
type expert struct {
	id    int
	rows  float64
	class int
}

// experts are all experts of the workload, by id, with their classes of a stage.
func (s scene) experts(stage profiler.Stage) []expert {
	if s.workload == nil {
		return nil
	}
	classes := s.classes(stage, true)
	list := make([]expert, len(s.workload.ExpertRows))
	for id, rows := range s.workload.ExpertRows {
		list[id] = expert{id: id, rows: rows, class: -1}
		if rows > 0 {
			list[id].class = profiler.TileClassAt(classes, rows)
		}
	}
	return list
}

// classes are a stage's tile classes with ES on or off; none if the engine does not tell.
func (s scene) classes(stage profiler.Stage, on bool) []profiler.TileLoad {
	if s.workload == nil {
		return nil
	}
	return s.workload.TileClasses.Of(stage, on)
}

// tilesDiffer reports whether up and down have tiles of their own.
func (s scene) tilesDiffer() bool { return s.workload != nil && s.workload.TileClasses.Differ() }

// list are the experts that the filter lets through, in the order that was chosen.
func (e expertsState) list(s scene) []expert {
	terms := parseFilter(e.filter)
	stage := e.stage(s)
	list := slices.DeleteFunc(s.experts(stage), func(x expert) bool { return !terms.match(x, s.classes(stage, true)) })
	if e.byRows {
		slices.SortStableFunc(list, func(a, b expert) int { return cmp.Compare(b.rows, a.rows) })
	}
	return list
}

// reorder changes the order and stays with the expert under the cursor.
func (e *expertsState) reorder(s scene) {
	before := e.list(s)
	e.byRows = !e.byRows
	if e.cursor >= len(before) {
		return
	}
	id := before[e.cursor].id
	e.cursor = max(slices.IndexFunc(e.list(s), func(x expert) bool { return x.id == id }), 0)
}

// edit changes the filter by a key.
func (e *expertsState) edit(name, text string) {
	switch name {
	case "backspace":
		if runes := []rune(e.filter); len(runes) > 0 {
			e.filter = string(runes[:len(runes)-1])
		}
	case "ctrl+u":
		e.filter = ""
	case "space":
		e.typed(" ")
	default:
		e.typed(text)
	}
	e.cursor = 0
}

func (e *expertsState) typed(text string) {
	for _, r := range text {
		if r >= ' ' && r != 0x7f && len(e.filter) < longestFilter {
			e.filter += string(r)
		}
	}
}

// expertFilter is what a filter's words ask for; an expert that one of them fits is shown.
type expertFilter struct {
	letters []string
	ranges  [][2]int
	idle    bool
	unknown []string // words that mean nothing
}

func (f expertFilter) empty() bool {
	return len(f.letters) == 0 && len(f.ranges) == 0 && !f.idle && len(f.unknown) == 0
}

// parseFilter reads class letters, ids, ranges of ids and the word idle.
func parseFilter(text string) expertFilter {
	var f expertFilter
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		low, high, isRange := strings.Cut(word, "-")
		if !isRange {
			high = low
		}
		from, err := strconv.Atoi(low)
		to, toErr := strconv.Atoi(high)
		switch {
		case err == nil && toErr == nil:
			f.ranges = append(f.ranges, [2]int{from, to})
		case strings.EqualFold(word, "idle"):
			f.idle = true
		case len(word) == 1:
			f.letters = append(f.letters, strings.ToUpper(word))
		default:
			f.unknown = append(f.unknown, word)
		}
	}
	return f
}

func (f expertFilter) match(x expert, classes []profiler.TileLoad) bool {
	if f.empty() || f.idle && x.rows == 0 {
		return true
	}
	if x.class >= 0 && slices.Contains(f.letters, strings.ToUpper(classes[x.class].Letter)) {
		return true
	}
	return slices.ContainsFunc(f.ranges, func(r [2]int) bool { return r[0] <= x.id && x.id <= r[1] })
}
