package page

import (
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestLibraryIsThePinnedOne compares the embedded script with the sum that make page-assets wrote:
// nobody edits it by hand.
func TestLibraryIsThePinnedOne(t *testing.T) {
	t.Parallel()
	sums, err := os.ReadFile("echarts/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%x  echarts.min.js\n", sha256.Sum256([]byte(libraryText))); want != string(sums) {
		t.Errorf("echarts.min.js has %q, SHA256SUMS %q: make page-assets makes both", want, sums)
	}
	pinned, err := os.ReadFile("echarts/package.json")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`"echarts": "([0-9.]+)"`).FindSubmatch(pinned)
	if version == nil || !strings.Contains(libraryText, "Apache ECharts "+string(version[1])+",") {
		t.Errorf("package.json pins %q, and the script does not say that it is that", version)
	}
}

// TestScriptsKeepToThemselves looks for what asks the network or runs text, in what is embedded.
func TestScriptsKeepToThemselves(t *testing.T) {
	t.Parallel()
	own, err := ownScript()
	if err != nil {
		t.Fatal(err)
	}
	forbidden := regexp.MustCompile(`XMLHttpRequest|\bfetch\(|WebSocket|sendBeacon|importScripts|\bimport\(|EventSource|\beval\(|new Function|</script|<!--`)
	for name, script := range map[string]string{"echarts.min.js": libraryText, "script": own} {
		if found := forbidden.FindAllString(script, -1); found != nil {
			t.Errorf("%s has %q", name, found)
		}
	}
	for _, notice := range []string{"Apache Software Foundation", "Apache License 2.0", "Baidu Inc", "Microsoft Corp", "Mike Bostock"} {
		if !strings.Contains(libraryText, notice) {
			t.Errorf("the notice of %q is not in the script that every page carries", notice)
		}
	}
}
