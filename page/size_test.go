package page

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler/saved"
)

// The budget for the page of a sweep of 10,000 points.
const (
	pageBudget = 5_000_000
	timeBudget = 5 * time.Second
)

// largePoints are the points of that sweep.
const largePoints = 10_000

// largeSweep is a sweep of groups of 25 numbers of tokens, with figures of as many digits as a
// measurement has.
func largeSweep(points int) string {
	var text strings.Builder
	text.WriteString(`{"schema_version":"1.0","kind":"sweep","engine":"cuda","timer":"cupti","command":["moetop","sweep"],
		"time":"2026-05-01T12:00:00Z","points":[`)
	separator := ""
	ratio := func(seed int) string {
		value := 0.9 + float64(seed*7919%4000)/10_000
		return fmt.Sprintf(`{"value":%.5f,"low":%.5f,"high":%.5f,"p_value":3.72e-12,"pairs":21}`, value, value-0.00317, value+0.00282)
	}
	times := func(seed int) string {
		us := 40 + float64(seed*104729%2_000_000)/1000
		return fmt.Sprintf(`{"count":714,"median_us":%.3f,"p90_us":%.3f,"p99_us":%.3f}`, us, us*1.1, us*1.2)
	}
	for i := range points {
		model := []string{"dsv3-tp8", "qwen3-30b", "kimi-k2-tp8", "glm-4.5", "qwen3-235b"}[i/2000%5]
		fmt.Fprintf(&text, `%s{"model":%q,"tokens":%d,"routing":"zipf:%.2f","kernels":"cutlass","status":"ok","seed":1,
			"stages":[{"name":"up","off":%s,"on":%s,"ratio":%s},{"name":"down","off":%s,"on":%s,"ratio":%s}],
			"layer":{"off_off":%s,"on_off":%s,"off_on":%s,"on_on":%s,"on_off_ratio":%s,"off_on_ratio":%s,"on_on_ratio":%s},
			"sm_clock_mhz":{"median":1980,"min":1980,"max":1980,"count":4},"throttle_reasons":[],
			"verdict":{"enable_es":[false,true],"text":"deploy enable_es=(False, True)"}}`,
			separator, model, 8+i%25*320, 0.4+float64(i/25%80)/40, times(i), times(i+1), ratio(i), times(i+2), times(i+3), ratio(i+1),
			times(i+4), times(i+5), times(i+6), times(i+7), ratio(i+2), ratio(i+3), ratio(i+4))
		separator = ","
	}
	text.WriteString("]}")
	return text.String()
}

// TestLargeSweepFits holds the size of the largest page by a tenth of it, which the race detector can
// bear; the script is there once. BenchmarkLargeSweep makes the whole page.
func TestLargeSweepFits(t *testing.T) {
	t.Parallel()
	const points = largePoints / 10
	page := write(t, read(t, largeSweep(points)))
	each := (len(page) - len(libraryText)) / points
	if whole := len(libraryText) + each*largePoints; whole > pageBudget {
		t.Errorf("%d bytes a point make %d bytes of HTML, more than %d", each, whole, pageBudget)
	}
	if got := strings.Count(page, `<th scope="row">`); got < points {
		t.Errorf("%d rows of tables for %d points", got, points)
	}
}

// BenchmarkLargeSweep reads a sweep of 10,000 points and makes its page, as the command does.
func BenchmarkLargeSweep(b *testing.B) {
	text := largeSweep(largePoints)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var page bytes.Buffer
	for b.Loop() {
		page.Reset()
		f, err := saved.Read("sweep", io.Reader(strings.NewReader(text)))
		if err != nil {
			b.Fatal(err)
		}
		if err := Write(&page, f); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(page.Len()), "bytes/page")
	if each := b.Elapsed() / time.Duration(b.N); each > timeBudget || page.Len() > pageBudget {
		b.Errorf("%v and %d bytes a page, more than %v and %d", each, page.Len(), timeBudget, pageBudget)
	}
}
