package sweep

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WritePython writes the deployment table as a Python function whose result is what sglang's
// enable_es takes.
func (d *Document) WritePython(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# What to pass to sglang as enable_es, by moetop %s.\n# %s\n", oneLine(d.Version), oneLine(d.title()))
	fmt.Fprintf(&b, "# %s\n", oneLine(strings.Join(d.Command, " ")))
	b.WriteString("# A row holds up to a number of tokens; between measured numbers it changes in the middle, on a\n" +
		"# logarithmic scale. What was not measured, or makes no difference, is (False, False).\n")
	b.WriteString("ENABLE_ES = {\n")
	all := groups(d.Deployment)
	for _, group := range all {
		fmt.Fprintf(&b, "    (%q, %q, %q): [\n", group[0].Model, group[0].Routing.String(), group[0].Kernels)
		for i := range group {
			if i == 0 && group[0].TokensFrom > 1 {
				fmt.Fprintf(&b, "        (%d, (False, False)),  # below: not measured\n", group[0].TokensFrom-1)
			}
			writeRow(&b, group, i)
		}
		b.WriteString("    ],\n")
	}
	b.WriteString("}\n\n\n")
	routing, kernels := "", ""
	if len(all) > 0 {
		routing, kernels = all[0][0].Routing.String(), all[0][0].Kernels
	}
	fmt.Fprintf(&b, "def enable_es(model, tokens, routing=%q, kernels=%q):\n", routing, kernels)
	b.WriteString(`    """Return (up, down) for a batch; a model, routing or kernel family that was not swept is a KeyError."""
    for last, up_down in ENABLE_ES[model, routing, kernels]:
        if tokens <= last:
            return up_down
    return (False, False)
`)
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("write the Python function: %w", err)
	}
	return nil
}

// writeRow writes one range up to where the next begins.
func writeRow(b *strings.Builder, group []Advice, i int) {
	a := &group[i]
	last := a.TokensTo
	if i+1 < len(group) {
		last = boundary(a.TokensTo, group[i+1].TokensFrom)
	}
	tuple := "(False, False)"
	if a.EnableES != nil {
		tuple = tupleText(a.EnableES)
	}
	fmt.Fprintf(b, "        (%s, %s),  # %s: %s\n", strconv.Itoa(last), tuple, a.tokens(), oneLine(a.Text))
}

// oneLine keeps a text within its comment.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
