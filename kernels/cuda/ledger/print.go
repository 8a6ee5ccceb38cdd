package ledger

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"onestep/kernels/cuda/chip"
)

func dims(d [3]int) string { return fmt.Sprintf("%d×%d×%d", d[0], d[1], d[2]) }

// short leaves out trailing ones.
func short(d [3]int) string {
	return strings.TrimSuffix(strings.TrimSuffix(dims([3]int{max(1, d[0]), max(1, d[1]), max(1, d[2])}), "×1"), "×1")
}

// Seconds is the predicted time of all launches and copies on the i-th chip.
func (g *Ledger) Seconds(i int) (s float64) {
	for _, l := range g.Lines {
		s += l.On[i].Seconds
	}
	if g.Copies > 0 {
		s += g.Chips[i].PredictCopy(2*float64(g.Copied)).Seconds + float64(g.Copies-1)*g.Chips[i].PredictCopy(0).Seconds
	}
	return s
}

// Useful is the FLOPs of all launches that products want, and of the others that they execute.
func (g *Ledger) Useful() (flops float64) {
	for _, l := range g.Lines {
		flops += l.Useful
	}
	return flops
}

// group is launches that differ by their addresses only, or whatever else has one name.
type group struct {
	Line
	count                   int
	useful, executed, moved float64
	least, dram             float64 // dram on the first chip
	waves, ideal            float64
	seconds                 []float64
	sectors, idealSectors   float64
}

// groups sums up launches by a name, the longest predicted time on the first chip first.
func (g *Ledger) groups(name func(*Line) string) []*group {
	byName := map[string]*group{}
	var list []*group
	for i := range g.Lines {
		l := &g.Lines[i]
		k := byName[name(l)]
		if k == nil {
			k = &group{Line: *l, seconds: make([]float64, len(g.Chips))}
			byName[name(l)] = k
			list = append(list, k)
		}
		k.count++
		k.useful += l.Useful
		k.executed += l.FLOPs + l.Matrix
		k.moved += 32 * l.Sectors
		k.sectors += l.Sectors
		k.idealSectors += l.Ideal
		k.least += l.Least()
		k.waves += l.Wavefronts
		k.ideal += l.IdealWaves
		k.dram += l.On[0].DRAM
		for j := range g.Chips {
			k.seconds[j] += l.On[j].Seconds
		}
	}
	slices.SortStableFunc(list, func(a, b *group) int { return cmp.Compare(b.seconds[0], a.seconds[0]) })
	return list
}

// excess is the share of wavefronts that conflicts add.
func (k *group) excess() float64 { return more(k.waves, k.ideal) }

func more(n, ideal float64) float64 {
	if ideal == 0 {
		return 0
	}
	return 100 * (n/ideal - 1)
}

// Print writes the longest groups of like launches, so many of them (0: all), what each part of the step takes, and the totals beside the
// floor: the time of the given FLOPs at a chip's peak.
func (g *Ledger) Print(out io.Writer, rows int, flops float64, peak func(chip.Chip) float64) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	c := g.Chips[0]
	fmt.Fprintf(w, "launches\tkernel\tm×n×k or grid\tgrid\tblock\ton an SM\tGFLOP\tuseful\tMB to SMs\tideal\tMB least\tMB DRAM\tconflicts\tpredicted µs\tlimit\t")
	for _, c := range g.Chips {
		fmt.Fprintf(w, "predicted ms, %s\t", c.Name)
	}
	fmt.Fprintln(w, "share\t")
	total := g.Seconds(0)
	list := g.groups(func(l *Line) string { return fmt.Sprint(l.Kernel, l.Shape, l.Grid, l.Block, l.Shared) })
	for i, k := range list {
		if rows > 0 && i == rows {
			break
		}
		n := float64(k.count)
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%d\t%.2f\t%.0f %%\t%.1f\t%.0f %%\t%.1f\t%.1f\t%.0f %%\t%.1f\t%s\t", k.count, k.Kernel, k.Shape, short(k.Grid), k.Block[0],
			k.On[0].Occupancy.Blocks, k.executed/n/1e9, percent(k.useful, k.executed), k.moved/n/1e6, percent(k.idealSectors, k.sectors), k.least/n/1e6, k.dram/n/1e6,
			k.excess(), k.seconds[0]/n*1e6, k.On[0].Limit)
		for j := range g.Chips {
			fmt.Fprintf(w, "%.3f\t", k.seconds[j]*1e3)
		}
		fmt.Fprintf(w, "%.1f %%\t\n", 100*k.seconds[0]/total)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if rows > 0 && len(list) > rows {
		fmt.Fprintf(out, "... and %d more kinds of launches: --rows 0 shows all.\n", len(list)-rows)
	}
	fmt.Fprintf(out, "Of one launch: GFLOP executed, of which useful; megabytes between L2 and multiprocessors, of which asked for; of each byte touched once; and of DRAM,\n"+
		"predicted; wavefronts of shared memory that conflicts add. Occupancy, DRAM and limit are those of the %s. Times are predicted.\n\n", c.Name)
	if err := g.printParts(out, total); err != nil {
		return err
	}
	return g.printTotals(out, flops, peak)
}

func percent(x, of float64) float64 {
	if of == 0 {
		return 100
	}
	return 100 * x / of
}

func (g *Ledger) printParts(out io.Writer, total float64) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "part\tlaunches\tuseful GFLOP\tMB to SMs\tMB least\tMB DRAM\tconflicts\t")
	for _, c := range g.Chips {
		fmt.Fprintf(w, "predicted ms, %s\t", c.Name)
	}
	fmt.Fprintln(w, "share\t")
	for _, k := range g.groups(func(l *Line) string { return l.Part }) {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.0f\t%.0f\t%.0f\t%.1f %%\t", k.Part, k.count, k.useful/1e9, k.moved/1e6, k.least/1e6, k.dram/1e6, k.excess())
		for j := range g.Chips {
			fmt.Fprintf(w, "%.2f\t", k.seconds[j]*1e3)
		}
		fmt.Fprintf(w, "%.1f %%\t\n", 100*k.seconds[0]/total)
	}
	return w.Flush()
}

func (g *Ledger) printTotals(out io.Writer, flops float64, peak func(chip.Chip) float64) error {
	all := g.groups(func(*Line) string { return "" })[0]
	fmt.Fprintf(out, "\n%d launches, %d copies and fills of %.1f MB. %.1f GFLOP, of which %.1f useful. Conflicts add %.1f %% to the wavefronts of shared memory; %.1f %% of sectors are ideal.\n",
		all.count, g.Copies, float64(g.Copied)/1e6, all.executed/1e9, all.useful/1e9, all.excess(), percent(all.idealSectors, all.sectors))
	fmt.Fprintf(out, "Bytes: %.1f GB between L2 and multiprocessors, %.1f GB with every launch's bytes once, %.1f GB of DRAM predicted; the lower bound, every tensor\n"+
		"written once and read once, is %.1f GB: predicted traffic is %.2f times that.\n", all.moved/1e9, all.least/1e9, all.dram/1e9, g.Least/1e9, all.dram/g.Least)
	for i, c := range g.Chips {
		s, least := g.Seconds(i), flops/peak(c)
		_, err := fmt.Fprintf(out, "%s: predicted %.1f ms a step, %.2f times the floor of %.1f ms (%.1f GFLOP at %.0f TFLOP/s).\n", c.Name, s*1e3, s/least, least*1e3, flops/1e9, peak(c)/1e12)
		if err != nil {
			return err
		}
	}
	return nil
}

// CSV writes every launch in order.
func (g *Ledger) CSV(out io.Writer) error {
	w := csv.NewWriter(out)
	head := []string{"launch", "part", "kernel", "shape", "grid", "block", "shared", "flops", "matrix_flops", "useful_flops", "warp_instructions", "sectors", "ideal_sectors", "wavefronts", "ideal_wavefronts", "least_bytes"}
	for _, c := range g.Chips {
		for _, name := range []string{"blocks_per_sm", "occupancy_limit", "predicted_dram_bytes", "predicted_us", "predicted_limit"} {
			head = append(head, name+"_"+c.Name)
		}
	}
	if err := w.Write(head); err != nil {
		return err
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', 0, 64) }
	for i, l := range g.Lines {
		row := []string{strconv.Itoa(i), l.Part, l.Kernel, l.Shape, dims(l.Grid), strconv.Itoa(l.Block[0]), strconv.Itoa(l.Shared), number(l.FLOPs), number(l.Matrix), number(l.Useful),
			number(l.Issue * float64(l.Blocks)), number(l.Sectors), number(l.Ideal), number(l.Wavefronts), number(l.IdealWaves), number(l.Least())}
		for _, on := range l.On {
			row = append(row, strconv.Itoa(on.Occupancy.Blocks), on.Occupancy.Limit, number(on.DRAM), strconv.FormatFloat(on.Seconds*1e6, 'f', 2, 64), on.Prediction.Limit)
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
