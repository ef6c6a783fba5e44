// Package page makes one self-contained HTML page of what moetop has measured: no network, nothing
// beside the file. Plots are drawn by Apache ECharts, a part of which is embedded, from data that
// stands in the page; under each is a table of its figures, which is there without scripts too.
package page
