package judge

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"onestep/tensor"
)

// Result is what was measured, with what it stands on.
type Result struct {
	FID       *Number `json:"fid,omitempty"`
	IS        *Number `json:"is,omitempty"`
	SFID      *Number `json:"sfid,omitempty"`
	KID       *Number `json:"kid,omitempty"`
	Precision *Number `json:"precision,omitempty"`
	Recall    *Number `json:"recall,omitempty"`

	Settings      Settings `json:"settings"`
	Notes         []string `json:"notes,omitempty"`
	Samples       *Stamp   `json:"samples"`
	ReferencePath string   `json:"reference_path,omitempty"`
	Reference     *Stamp   `json:"reference,omitempty"` // nil in files of others

	Gathered *Reference `json:"-"` // of the samples, which may be the reference of others
}

// Settings are what the metrics were told.
type Settings struct {
	Metrics    Metrics `json:"metrics"`
	Split      int     `json:"is_split"`       // images
	Jackknifed int     `json:"fid_jackknifed"` // images at most that the interval is taken from
	KIDSubsets int     `json:"kid_subsets"`
	KIDSize    int     `json:"kid_subset_size"` // images
	KIDSeed    uint64  `json:"kid_seed"`
	Neighbour  int     `json:"pr_neighbour"`
	Force      bool    `json:"force"`
}

// Number is a measured number.
type Number struct {
	Value    float64 `json:"value"`
	Spread   float64 `json:"spread,omitempty"`    // ± so much
	SpreadIs string  `json:"spread_is,omitempty"` // what the spread is
}

// note adds remarks on a file.
func (r *Result) note(path string, remarks ...string) {
	for _, text := range remarks {
		if path != "" {
			text = path + ": " + text
		}
		r.Notes = append(r.Notes, printable(text))
	}
}

// printable is a text, which may come from a file, with the replacement character in place of what a terminal does not show as a letter or sign.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}

// Print writes the numbers as a table, and the remarks under it.
func (r *Result) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%d images\tvalue\t±\t\n", r.Samples.Count)
	for _, row := range []struct {
		name string
		x    *Number
	}{
		{"FID", r.FID}, {"Inception Score", r.IS}, {"sFID", r.SFID}, {"KID", r.KID}, {"precision", r.Precision}, {"recall", r.Recall},
	} {
		if row.x == nil {
			continue
		}
		spread := ""
		if row.x.SpreadIs != "" {
			spread = fmt.Sprintf("%.2g", row.x.Spread)
		}
		fmt.Fprintf(table, "%s\t%.6g\t%s\t%s\n", row.name, row.x.Value, spread, row.x.SpreadIs)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, n := range r.Notes {
		if _, err := fmt.Fprintln(w, n); err != nil {
			return err
		}
	}
	return nil
}

// WriteJSON writes all of it, to a file that is whole or not there.
func (r *Result) WriteJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return tensor.AtomicWrite(path, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}
