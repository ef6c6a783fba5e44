package main

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/moetop/moetop/page"
)

// reportCommand makes a page of what was measured.
func (a *app) reportCommand() *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use:   "report FILE",
		Short: "Make one self-contained HTML page from a report, a stream or a sweep",
		Long: `report draws what --json, --ndjson or sweep wrote, as one page of HTML that needs nothing beside it, and
no network. - is stdin.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("report: %d arguments %q are not allowed: it takes one file, or - for stdin", len(args), args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := fromEnvironment(cmd.Flags(), a.environ); err != nil {
				return usage(err)
			}
			if err := keepInput("output", output, args[0]); err != nil {
				return err
			}
			file, err := a.readSaved(args[0])
			if err != nil {
				return err
			}
			var text bytes.Buffer
			if err := page.Write(&text, file); err != nil {
				return err
			}
			return a.writeData(output, text.Bytes())
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE` instead of stdout")
	return cmd
}
