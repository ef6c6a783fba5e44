package profiler

import "slices"

// Backlog holds the records that wait for a slow reader or disk. It keeps at most so many samples,
// losing the oldest, and every other record. It does not lock.
type Backlog struct {
	limit   int
	records []Record
	samples int // among the records
}

// NewBacklog returns an empty backlog for at most so many samples, 1 or more.
func NewBacklog(samples int) *Backlog { return &Backlog{limit: samples} }

// Add appends a record, and reports whether a sample was lost for it.
func (b *Backlog) Add(r Record) (lost bool) {
	if r.Kind == KindSample {
		if b.samples == b.limit {
			oldest := slices.IndexFunc(b.records, func(q Record) bool { return q.Kind == KindSample })
			b.records = slices.Delete(b.records, oldest, oldest+1)
			b.samples--
			lost = true
		}
		b.samples++
	}
	b.records = append(b.records, r)
	return lost
}

// SupersedeLaunches removes launches of the mask that wait: only the newest times are worth reading.
func (b *Backlog) SupersedeLaunches(mask ESMask) {
	b.records = slices.DeleteFunc(b.records, func(q Record) bool {
		return q.Kind == KindLaunches && q.Launches.ES == mask
	})
}

// Len is the number of records that wait.
func (b *Backlog) Len() int { return len(b.records) }

// Take empties the backlog and returns what waited, oldest first.
func (b *Backlog) Take() []Record {
	records := b.records
	b.records, b.samples = nil, 0
	return records
}
