// Package page makes one self-contained HTML page of what moetop has measured: no script, no
// network, nothing beside the file. Every plot is inline SVG with a title, a description and a table
// of its figures; the heat map of a sweep is a table in the first place.
package page
