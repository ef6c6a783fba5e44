package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browserPatience is for a machine on which much else runs.
const browserPatience = 6 * time.Minute

// browser is a headless Chromium.
type browser struct{ ctx context.Context }

// newBrowser starts a browser. It needs no sandbox for pages that the test has made itself,
// and would refuse to start as root with one.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no chromium: .ci/run installs it")
		}
		t.Skip("no chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox)
	ctx, cancel := context.WithTimeout(t.Context(), browserPatience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	// The first action starts the browser, and later contexts are tabs of it.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return &browser{ctx: ctx}
}

// view is how a page is looked at.
type view struct {
	width, height int64
	dark          bool
	noScript      bool
}

// tab is a page in a browser, and what it has said and asked for.
type tab struct {
	ctx      context.Context
	mu       sync.Mutex
	said     []string // to the console, or as an exception
	requests []string
}

// open opens a file in a tab of its own.
func (b *browser) open(t *testing.T, path string, v view) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	p := &tab{ctx: ctx}
	if err := chromedp.Listen(ctx, p.listen); err != nil {
		t.Fatal(err)
	}
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	call(t, p, network.Enable, network.EnableParams{})
	call(t, p, runtime.Enable, cdp.Empty{})
	call(t, p, log.Enable, cdp.Empty{})
	call(t, p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: v.noScript})
	call(t, p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	do(t, p, chromedp.EmulateViewport(v.width, v.height))
	do(t, p, chromedp.Navigate("file://"+absolute))
	return p
}

func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		words := []string{string(e.Type)}
		for _, a := range e.Args {
			words = append(words, fmt.Sprintf("%s%s", a.Value, a.Description))
		}
		p.said = append(p.said, strings.Join(words, " "))
	case *runtime.EventExceptionThrown:
		said := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			said += " " + e.ExceptionDetails.Exception.Description
		}
		p.said = append(p.said, said)
	case *log.EventEntryAdded:
		p.said = append(p.said, string(e.Entry.Level)+" "+e.Entry.Text)
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	}
}

// call sends a command of the protocol.
func call[P, R any](t *testing.T, p *tab, command cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(p.ctx, command, params); err != nil {
		t.Fatal(err)
	}
}

// do runs an action and returns its value.
func do[T any](t *testing.T, p *tab, action chromedp.Action[T]) T {
	t.Helper()
	value, err := chromedp.Run(p.ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// ask evaluates an expression in the page; a promise is waited for.
func ask[T any](t *testing.T, p *tab, expression string) T {
	t.Helper()
	return do(t, p, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// scroll passes the whole page by, so that all plots are drawn, and waits for them.
func (p *tab) scroll(t *testing.T) {
	t.Helper()
	ask[bool](t, p, `(async () => {
		const frame = () => new Promise(requestAnimationFrame);
		for (const group of document.querySelectorAll("details.group")) group.open = true;
		for (const plot of document.querySelectorAll(".plot")) {
			plot.scrollIntoView();
			while (!plot.querySelector("svg")) await frame();
		}
		scrollTo(0, 0);
		await frame();
		await frame();
		return true;
	})()`)
}

// quiet fails the test if the page said anything or asked for more than its own file.
func (p *tab) quiet(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, words := range p.said {
		t.Errorf("the page says: %s", words)
	}
	if len(p.requests) != 1 || !strings.HasPrefix(p.requests[0], "file://") {
		t.Errorf("the page asks for %q", p.requests)
	}
}

// shoot keeps a picture of the whole page with the test's artifacts.
func (p *tab) shoot(t *testing.T, name string) {
	t.Helper()
	keep(t, name, do(t, p, chromedp.FullScreenshot(100)))
}

// print makes a PDF, as the browser's own print command does.
func (p *tab) print(t *testing.T, name string) []byte {
	t.Helper()
	pdf := do(t, p, chromedp.PrintToPDF())
	keep(t, name, pdf)
	return pdf
}

func keep(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}
