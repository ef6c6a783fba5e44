package page

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed page.html.tmpl
var pageText string

//go:embed style.css
var styleText string

// libraryText is made by make page-assets; SHA256SUMS beside it says what was committed.
//
//go:embed echarts/echarts.min.js
var libraryText string

//go:embed script/*.js
var scripts embed.FS

// ownScript joins the files of the page's own script, in the order of their names, into one scope.
func ownScript() (string, error) {
	names, err := fs.Glob(scripts, "script/*.js")
	if err != nil {
		return "", err
	}
	var all strings.Builder
	all.WriteString("(() => {\n\"use strict\";\n")
	for _, name := range names {
		text, err := scripts.ReadFile(name)
		if err != nil {
			return "", err
		}
		all.Write(text)
	}
	all.WriteString("start();\n})();\n")
	return all.String(), nil
}
