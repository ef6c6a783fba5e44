// Package ui is the interactive screen. It shows the views that a Source delivers and turns keys into
// commands; it knows nothing of engines, devices or processes. Everything on the screen is in the
// view, and with it in the stream. Nothing here reads a clock: time comes in with the views.
package ui
