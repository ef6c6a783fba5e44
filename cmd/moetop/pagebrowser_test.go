package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// TestPagesInBrowser shares a browser, which takes seconds to start; its tabs take turns, since one in
// the background draws nothing. It is alone, so that a browser does not disturb what others measure.
func TestPagesInBrowser(t *testing.T) {
	b := newBrowser(t)
	for name, test := range map[string]func(*testing.T, *browser){
		"look": pagesLook, "turn dark": pageTurnsDark, "print": pagePrints, "without script": pageWithoutScript,
		"read aloud": pageIsReadAloud, "many groups": pageOfManyGroups, "talkative": talkativePage,
	} {
		t.Run(name, func(t *testing.T) { test(t, b) })
	}
}

// pageOf makes the page of a text that moetop printed.
func pageOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	if got := runBinary(t, nil, "report", save(t, "input", text), "-o", path); got.code != exitDone {
		t.Fatalf("code %d, %q", got.code, got.stderr)
	}
	return path
}

// throttledStream is a stream of the CPU engine with two toggles, to which readings of a GPU are added
// that is throttled for a while.
func throttledStream(t *testing.T) string {
	t.Helper()
	stream := runBinary(t, nil, small("--ndjson", "--interval", "50ms", "--es-schedule", "0s=off,500ms=down,1s=both", "--duration", "1500ms")...).stdout
	var out strings.Builder
	samples := 0
	for line := range strings.Lines(stream) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		if sample, ok := record["sample"].(map[string]any); ok {
			samples++
			clock, reasons := 1980, []string{}
			if samples > 10 && samples < 20 {
				clock, reasons = 1590, []string{"power cap"}
			}
			sample["nvml"] = map[string]any{
				"time": record["time"], "stale": false, "sm_utilization_percent": 90 + samples%5,
				"sm_clock_mhz": clock, "power_watts": 600 + samples%7, "throttle_reasons": reasons,
			}
		}
		data, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(data, '\n'))
	}
	if samples < 10 {
		t.Fatalf("%d samples", samples)
	}
	return out.String()
}

// measuredPages are one page of each kind of file. Texts that a file brings along try to break out.
func measuredPages(t *testing.T) map[string]string {
	t.Helper()
	const hostile = `</script><script>alert("x")</script><img src=http://example.com/x.png onerror=alert(1)>`
	quoted, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	report := runBinary(t, nil, small("--json", "--samples", "--ab", "--steps", "600")...).stdout
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	report = strings.ReplaceAll(report, `"name": "`+host+`"`, `"name": `+string(quoted))
	if !strings.Contains(report, string(quoted)) {
		t.Fatalf("no name of the host in %.500s", report)
	}
	sweep := runBinary(t, []string{"XDG_STATE_HOME=" + t.TempDir()}, sweptOnFake("--tokens", "1,2,4,8", "--routing", "uniform,hot", "--pairs", "14", "--json")...).stdout
	gpu := runBinary(t, []string{"XDG_CACHE_HOME=" + t.TempDir()}, faked("--json", "--ab", "--steps", "2000")...).stdout
	return map[string]string{"GPU": pageOf(t, gpu), "report": pageOf(t, report), "stream": pageOf(t, throttledStream(t)), "sweep": pageOf(t, sweep)}
}

// drawnKinds are the plots of each page.
var drawnKinds = map[string]string{
	"GPU":    "stages gains distribution roofline",
	"report": "stages gains distribution roofline",
	"stream": "stages distribution roofline timeline",
	"sweep":  "heat tokens tokens",
}

// pagesLook opens pages in Chromium as people would: on a desk and on a phone, in the light
// and in the dark.
func pagesLook(t *testing.T, b *browser) {
	t.Helper()
	for name, path := range measuredPages(t) {
		for size, v := range map[string]view{
			"desk":  {width: 1280, height: 900},
			"phone": {width: 390, height: 844, dark: true},
		} {
			t.Run(name+" "+size, func(t *testing.T) {
				p := b.open(t, path, v)
				p.scroll(t)
				if got := ask[string](t, p, `[...document.querySelectorAll(".plot")].map(e => e.dataset.kind).join(" ")`); got != drawnKinds[name] {
					t.Errorf("plots %q, want %q", got, drawnKinds[name])
				}
				if open := ask[int](t, p, `document.querySelectorAll("details.figures[open]").length`); open != 0 {
					t.Errorf("%d tables stand open beside their plots", open)
				}
				if over := ask[float64](t, p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
					t.Errorf("the page is %v pixels wider than the window", over)
				}
				paper, ink := ask[float64](t, p, brightness("getComputedStyle(document.body).backgroundColor")), ask[float64](t, p, brightness(firstLabel))
				if v.dark != (paper < 0.5) || (ink > 0.5) != v.dark {
					t.Errorf("dark %v, and the paper's brightness is %v, the ink's %v", v.dark, paper, ink)
				}
				if name == "GPU" {
					// The ceilings of the stand-in.
					roofs := ask[string](t, p, `[...document.querySelectorAll("[data-kind=roofline] svg text")].map(e => e.textContent).join("; ")`)
					if !strings.Contains(roofs, "DRAM: 4.6 TB/s") || !strings.Contains(roofs, "FP8: 1.76 PFLOP/s") {
						t.Errorf("roofs %q", roofs)
					}
				}
				p.pointAtPlots(t)
				p.shoot(t, strings.ReplaceAll(name+"-"+size, " ", "-")+".png")
				p.quiet(t)
			})
		}
	}
}

const firstLabel = `document.querySelector(".plot svg text").getAttribute("fill")`

// brightness is an expression for that of a colour, from 0 to 1.
func brightness(colour string) string {
	return `(() => { const [r, g, b] = (` + colour + `).match(/[0-9.]+/g).map(Number); return (r + g + b) / 3 / 255; })()`
}

// pointAtPlots moves the mouse over each plot, and wants a tip at one place of it at least.
func (p *tab) pointAtPlots(t *testing.T) {
	t.Helper()
	plots := ask[int](t, p, `document.querySelectorAll(".plot").length`)
	for i := range plots {
		plot := fmt.Sprintf(`document.querySelectorAll(".plot")[%d]`, i)
		// Where something is drawn that is not of the axes: the filled shapes and the marks of a plot.
		places := ask[[][2]float64](t, p, `(() => {
			`+plot+`.scrollIntoView({block: "center"});
			return [...`+plot+`.querySelectorAll("svg path")]
				.filter(e => (e.getAttribute("fill") ?? "none") !== "none")
				.map(e => e.getBoundingClientRect())
				.filter(r => r.width >= 3 && r.top > 0 && r.bottom < innerHeight)
				.map(r => [r.left + r.width / 2, r.top + r.height / 2]);
		})()`)
		said := ""
		for _, at := range places {
			do(t, p, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0], at[1]))
			said = ask[string](t, p, `(async () => {
				await new Promise(r => requestAnimationFrame(() => setTimeout(r, 30)));
				const tip = [...`+plot+`.children].find(e => getComputedStyle(e).zIndex > 1000);
				return tip && getComputedStyle(tip).visibility !== "hidden" ? tip.innerText : "";
			})()`)
			if said != "" {
				break
			}
		}
		if said == "" {
			t.Errorf("plot %d says nothing at %d places", i, len(places))
		}
	}
}

// pageTurnsDark changes the scheme under an open page.
func pageTurnsDark(t *testing.T, b *browser) {
	t.Helper()
	p := b.open(t, pageOf(t, runBinary(t, nil, small("--json", "--steps", "50")...).stdout), view{width: 1280, height: 900})
	p.scroll(t)
	before := ask[string](t, p, firstLabel)
	call(t, p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
	ask[bool](t, p, `(async () => { while (`+firstLabel+` === "`+before+`") await new Promise(requestAnimationFrame); return true; })()`)
	if ink := ask[float64](t, p, brightness(firstLabel)); ink < 0.5 {
		t.Errorf("the ink's brightness is %v", ink)
	}
	p.quiet(t)
}

// pagePrints prints a dark page: on paper it is light, with its tables, and afterwards as it was.
func pagePrints(t *testing.T, b *browser) {
	t.Helper()
	p := b.open(t, pageOf(t, runBinary(t, nil, small("--json", "--steps", "50")...).stdout), view{width: 1280, height: 900, dark: true})
	p.scroll(t)
	ask[bool](t, p, `(() => {
		addEventListener("beforeprint", () => { window.printed = {
			ink: `+firstLabel+`,
			widths: [...document.querySelectorAll(".plot svg")].map(e => Number(e.getAttribute("width"))),
			closed: document.querySelectorAll("details.figures:not([open])").length,
		}; });
		return true;
	})()`)
	pdf := p.print(t, "printed.pdf")
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pdf) < 10_000 {
		t.Errorf("%d bytes that begin with %.10q", len(pdf), pdf)
	}
	printed := ask[struct {
		Ink    string    `json:"ink"`
		Widths []float64 `json:"widths"`
		Closed int       `json:"closed"`
	}](t, p, `window.printed`)
	if ink := ask[float64](t, p, brightness(`"`+printed.Ink+`"`)); ink > 0.5 {
		t.Errorf("printed with an ink of brightness %v", ink)
	}
	for _, width := range printed.Widths {
		if width > 720 {
			t.Errorf("a plot of %v pixels is wider than the paper", width)
		}
	}
	if len(printed.Widths) != 3 || printed.Closed != 0 {
		t.Errorf("printed %d plots, and %d tables were closed", len(printed.Widths), printed.Closed)
	}
	if ink := ask[float64](t, p, brightness(firstLabel)); ink < 0.5 {
		t.Errorf("after printing, the ink's brightness is %v", ink)
	}
	if open := ask[int](t, p, `document.querySelectorAll("details.figures[open]").length`); open != 0 {
		t.Errorf("after printing, %d tables stand open", open)
	}
	p.quiet(t)
}

// pageWithoutScript reads the tables.
func pageWithoutScript(t *testing.T, b *browser) {
	t.Helper()
	path := pageOf(t, runBinary(t, nil, small("--json", "--steps", "50")...).stdout)
	p := b.open(t, path, view{width: 1280, height: 900, noScript: true})
	p.shoot(t, "without-script.png")
	call(t, p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{})
	if got := ask[int](t, p, `document.querySelectorAll(".plot svg").length`); got != 0 {
		t.Errorf("%d plots were drawn", got)
	}
	if got := ask[string](t, p, `document.body.innerText`); !strings.Contains(got, "combine") || !strings.Contains(got, "TFLOP/s") {
		t.Errorf("the tables cannot be seen: %.500q", got)
	}
	if got := ask[float64](t, p, `document.querySelector(".plot").getBoundingClientRect().height`); got != 0 {
		t.Errorf("a plot that nobody draws takes %v pixels", got)
	}
	p.quiet(t)
}

// pageIsReadAloud looks at what a screen reader is told.
func pageIsReadAloud(t *testing.T, b *browser) {
	t.Helper()
	p := b.open(t, pageOf(t, runBinary(t, nil, small("--json", "--steps", "50")...).stdout), view{width: 1280, height: 900})
	p.scroll(t)
	ask[bool](t, p, `(() => { for (const d of document.querySelectorAll("details")) d.open = true; return true; })()`)
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]int{}
	for _, node := range tree.Nodes {
		if node.Ignored || node.Role == nil {
			continue
		}
		role := strings.Trim(string(node.Role.Value), `"`)
		has := func(v *accessibility.Value) bool { return v != nil && len(strings.Trim(string(v.Value), `"`)) > 0 }
		switch role {
		case "image":
			if !has(node.Name) || !has(node.Description) {
				t.Errorf("a plot is read as %+v, %+v", node.Name, node.Description)
			}
		case "table":
			if !has(node.Name) {
				t.Error("a table has no name")
			}
		}
		named[role]++
	}
	if named["image"] != 3 || named["table"] < 4 || named["rowheader"] < 20 || named["main"] != 1 || named["heading"] < 5 {
		t.Errorf("roles: %v", named)
	}
	p.quiet(t)
}

// pageOfManyGroups looks through a sweep of more groups than one can see at once.
func pageOfManyGroups(t *testing.T, b *browser) {
	t.Helper()
	text := runBinary(t, []string{"XDG_STATE_HOME=" + t.TempDir()}, sweptOnFake("--tokens", "1,2,4,8", "--pairs", "14", "--json")...).stdout
	var document map[string]any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	const groups = 60
	measured, ok := document["points"].([]any)
	if !ok || len(measured) != 4 {
		t.Fatalf("points %v", document["points"])
	}
	var points []any
	for i := range groups {
		for _, p := range measured {
			point := maps.Clone(p.(map[string]any))
			point["routing"], point["workload"] = fmt.Sprintf("zipf:%.2f", 0.5+float64(i)/100), nil
			points = append(points, point)
		}
	}
	document["points"] = points
	data, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	p := b.open(t, pageOf(t, string(data)), view{width: 1280, height: 900})
	ask[bool](t, p, `(async () => { while (!document.querySelector(".plot svg")) await new Promise(requestAnimationFrame); return true; })()`)
	if got := ask[int](t, p, `document.querySelectorAll("details.group:not([open]) .plot").length`); got != groups {
		t.Errorf("%d groups are folded, want %d", got, groups)
	}
	if got := ask[int](t, p, `document.querySelectorAll(".plot svg").length`); got != 1 {
		t.Errorf("%d plots are drawn before anybody opened a group", got)
	}
	const drawn = `[...document.querySelectorAll(".plot svg text")].map(e => e.textContent).join(" ")`
	const rows = `[...document.querySelectorAll(".plot svg text")].filter(e => e.textContent.includes("zipf")).length`
	before := ask[string](t, p, drawn)
	if got := ask[int](t, p, rows); got != 40 || !strings.Contains(before, "▼0.95") {
		t.Errorf("%d rows are drawn of %d; texts %.300q", got, groups, before)
	}
	// The second figure is down, which gains on the stand-in for a GPU.
	do(t, p, chromedp.Click(chromedp.CSS(`fieldset label:nth-of-type(2) input`)))
	if after := ask[string](t, p, drawn); !strings.Contains(after, "▲1.33") || strings.Contains(after, "▼0.95") {
		t.Errorf("after the choice of down: %.300q", after)
	}
	do(t, p, chromedp.Click(chromedp.CSS(`details.group summary`)))
	ask[bool](t, p, `(async () => { while (!document.querySelector("details.group .plot svg")) await new Promise(requestAnimationFrame); return true; })()`)
	p.shoot(t, "many-groups.png")
	p.quiet(t)
}

// talkativePage makes sure that the tests above would notice.
func talkativePage(t *testing.T, b *browser) {
	t.Helper()
	path := save(t, "page.html", `<!DOCTYPE html><body><img src="missing.png"><script>console.warn("w"); setTimeout(() => { throw new Error("e"); })</script>`)
	p := b.open(t, path, view{width: 400, height: 400})
	ask[bool](t, p, `new Promise(r => setTimeout(() => r(true), 50))`)
	p.mu.Lock()
	defer p.mu.Unlock()
	said := strings.Join(p.said, "\n")
	if !strings.Contains(said, "warning") || !strings.Contains(said, "Error: e") || len(p.requests) != 2 {
		t.Errorf("noticed %q and requests %q", said, p.requests)
	}
}
