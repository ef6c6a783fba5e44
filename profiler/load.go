package profiler

import (
	"math"
	"slices"
)

// TileClass is one tile shape of a grouped GEMM's policy. Expert specialization chooses a class for
// each expert by its rows; without it there is one class for all.
type TileClass struct {
	Name   string `json:"name"`   // for people, such as "256x32 swapped"
	Letter string `json:"letter"` // one letter, unique within its policy; colour alone would not do
	// MaxRows is the most rows that an expert of this class has; null has no bound. Classes stand in
	// rising order, and an expert takes the first that holds it.
	MaxRows *int `json:"max_rows"`
	// TileRows and TileColumns are the rows of the batch and the columns of the output that one tile
	// computes; what an expert's last tile has too many of is padding.
	TileRows    int `json:"tile_rows"`
	TileColumns int `json:"tile_columns"`
	// RowStep divides the rows that are computed for an expert: less than TileRows where an expert's
	// last tile may be a lower one.
	RowStep int `json:"row_step"`
	// How the kernel computes a tile; null where that has no meaning or is not told.
	Stages     *int `json:"stages"`     // of its pipeline through shared memory
	Cluster    *int `json:"cluster"`    // thread blocks
	SplitK     *int `json:"split_k"`    // parts that k is cut into
	Warpgroups *int `json:"warpgroups"` // of a thread block that multiply
}

// PolicyTiles are the classes of one GEMM with expert specialization off and on.
type PolicyTiles struct{ Off, On []TileClass }

// TilePolicies are the classes of a workload's two GEMMs, which may differ: their shapes do.
type TilePolicies struct{ Up, Down PolicyTiles }

// TileLoad is a class with what the routings put into it, on the mean of the ring.
type TileLoad struct {
	TileClass
	Experts    float64 `json:"experts"` // that have rows
	Rows       float64 `json:"rows"`
	PaddedRows float64 `json:"padded_rows"` // Rows filled up to whole steps
}

// PaddingShare is the part of the computed rows that nobody needs; NaN without any.
func (l TileLoad) PaddingShare() float64 { return 1 - l.Rows/l.PaddedRows }

// TileClasses are the tile classes of both policies: Off and On are those of up, and Stages has them
// for up and for down. Records of older versions have no Stages; they hold for both there.
type TileClasses struct {
	Off    []TileLoad   `json:"off"`
	On     []TileLoad   `json:"on"`
	Stages []StageTiles `json:"stages,omitempty"`
}

// StageTiles are the classes of one switchable stage.
type StageTiles struct {
	Name string     `json:"name"`
	Off  []TileLoad `json:"off"`
	On   []TileLoad `json:"on"`
}

// Of returns the classes of a switchable stage; nil if they are not known.
func (c *TileClasses) Of(stage Stage, specialized bool) []TileLoad {
	if c == nil {
		return nil
	}
	off, on := c.Off, c.On
	for _, s := range c.Stages {
		if s.Name == stage.String() {
			off, on = s.Off, s.On
		}
	}
	if specialized {
		return on
	}
	return off
}

// Differ reports whether up and down have other classes.
func (c *TileClasses) Differ() bool {
	same := func(a, b TileLoad) bool {
		return a.Name == b.Name && a.TileRows == b.TileRows && equal(a.MaxRows, b.MaxRows)
	}
	return !slices.EqualFunc(c.Of(Up, false), c.Of(Down, false), same) ||
		!slices.EqualFunc(c.Of(Up, true), c.Of(Down, true), same)
}

func equal(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }

// TileClassAt returns the place of the class that takes an expert with so many rows; -1 if none does.
func TileClassAt(classes []TileLoad, rows float64) int {
	return slices.IndexFunc(classes, func(c TileLoad) bool { return c.MaxRows == nil || rows <= float64(*c.MaxRows) })
}

// Padding is the share of padding over all classes; NaN without any row.
func Padding(classes []TileLoad) float64 {
	var all TileLoad
	for _, c := range classes {
		all.Rows += c.Rows
		all.PaddedRows += c.PaddedRows
	}
	return all.PaddingShare()
}

// Load is how uneven the routings of the ring are, on their mean. An even spread has a ratio of 1, a
// coefficient of variation of 0 and a Gini coefficient of 0.
type Load struct {
	ActiveExperts float64 `json:"active_experts"` // that have rows
	MaxOverMean   float64 `json:"max_over_mean"`  // rows of the busiest expert
	Variation     float64 `json:"coefficient_of_variation"`
	Gini          float64 `json:"gini"`
}

// loads are what a workload's routings make of an engine's tiles and stages.
type loads struct {
	load  Load
	tiles *TileClasses // nil if the engine does not tell them
	work  []StageWork
}

func newLoads(cfg EngineConfig, info *EngineInfo) loads {
	load, tiles := loadOf(cfg.Workload, cfg.Routings, info.Tiles)
	work := stageWork(cfg.Workload, load.ActiveExperts)
	if info.Ceilings != nil && info.Device != nil {
		info.Ceilings.attain(work, float64(info.Device.L2Bytes))
	}
	return loads{load: load, tiles: tiles, work: work}
}

// loadOf measures the routings and fills the classes of the policies, which may be nil.
func loadOf(w Workload, ring []TopK, policies *TilePolicies) (Load, *TileClasses) {
	var load Load
	var classes *TileClasses
	var lists [][]TileLoad
	if policies != nil {
		up := StageTiles{Name: Up.String(), Off: emptyClasses(policies.Up.Off), On: emptyClasses(policies.Up.On)}
		down := StageTiles{Name: Down.String(), Off: emptyClasses(policies.Down.Off), On: emptyClasses(policies.Down.On)}
		classes = &TileClasses{Off: up.Off, On: up.On, Stages: []StageTiles{up, down}}
		lists = [][]TileLoad{up.Off, up.On, down.Off, down.On}
	}
	counts := make([]int, w.Experts)
	share := 1 / float64(max(len(ring), 1))
	for _, routing := range ring {
		clear(counts)
		for _, expert := range routing.IDs {
			counts[expert]++
		}
		for _, list := range lists {
			fillClasses(list, counts, share)
		}
		slices.Sort(counts)
		one := unevenness(counts)
		load.ActiveExperts += one.ActiveExperts * share
		load.MaxOverMean += one.MaxOverMean * share
		load.Variation += one.Variation * share
		load.Gini += one.Gini * share
	}
	return load, classes
}

func emptyClasses(classes []TileClass) []TileLoad {
	loads := make([]TileLoad, len(classes))
	for i, c := range classes {
		loads[i].TileClass = c
	}
	return loads
}

// fillClasses adds one routing's experts to the classes that take them.
func fillClasses(classes []TileLoad, counts []int, share float64) {
	for _, rows := range counts {
		place := TileClassAt(classes, float64(rows))
		if rows == 0 || place < 0 {
			continue
		}
		c := &classes[place]
		c.Experts += share
		c.Rows += float64(rows) * share
		c.PaddedRows += float64((rows+c.RowStep-1)/c.RowStep*c.RowStep) * share
	}
}

// unevenness measures one routing; counts are in rising order.
func unevenness(counts []int) Load {
	n, sum, squares, ranked := float64(len(counts)), 0.0, 0.0, 0.0
	var load Load
	for i, rows := range counts {
		v := float64(rows)
		sum += v
		squares += v * v
		ranked += float64(i+1) * v
		if rows > 0 {
			load.ActiveExperts++
		}
	}
	if sum == 0 {
		return load
	}
	mean := sum / n
	load.MaxOverMean = float64(counts[len(counts)-1]) / mean
	load.Variation = math.Sqrt(max(squares/n-mean*mean, 0)) / mean
	load.Gini = max(2*ranked/(n*sum)-(n+1)/n, 0)
	return load
}
