package pid_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"onestep/pid"
	"onestep/pid/pidtest"
	"onestep/tensor"
)

// table is where ranks that are goroutines of one process meet.
type table struct {
	n     int
	parts chan part
	all   []chan [][]byte
}

type part struct {
	rank int
	b    []byte
}

func newTable(n int) *table {
	t := &table{n: n, parts: make(chan part, n)}
	for range n {
		t.all = append(t.all, make(chan [][]byte, 1))
	}
	return t
}

// gather hands every rank's bytes to every rank. Rank 0 deals them out.
func (t *table) gather(rank int, b []byte) [][]byte {
	t.parts <- part{rank, b}
	if rank == 0 {
		all := make([][]byte, t.n)
		for range t.n {
			p := <-t.parts
			all[p.rank] = p.b
		}
		for _, c := range t.all {
			c <- all
		}
	}
	return <-t.all[rank]
}

// member is one rank, whose sums are made in Wait.
type member struct {
	rank    int
	table   *table
	pending []*tensor.Tensor
}

func (m *member) Rank() int      { return m.rank }
func (m *member) Size() int      { return m.table.n }
func (m *member) OnDevice() bool { return false }

func (m *member) AllGather(b []byte) ([][]byte, error) { return m.table.gather(m.rank, b), nil }

func (m *member) AllReduce(bucket []*tensor.Tensor) { m.pending = append(m.pending, bucket...) }

func (m *member) Wait() {
	for _, t := range m.pending {
		var sum []float64
		for _, b := range m.table.gather(m.rank, tensor.F32Tensor("", t.Float32s(), t.Len()).Data) {
			if sum == nil {
				sum = make([]float64, t.Len())
			}
			for i := range sum {
				sum[i] += float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
			}
		}
		x := make([]float32, len(sum))
		for i, s := range sum {
			x[i] = float32(s)
		}
		t.CopyFrom(x)
	}
	m.pending = nil
}

// ranked runs a job on so many ranks and returns what rank 0 saw.
func ranked(t *testing.T, n, steps int, change func(*pid.Config)) (all []pid.Metrics) {
	t.Helper()
	table := newTable(n)
	var wait sync.WaitGroup
	for r := range n {
		j := pidtest.Job(t, tensor.CPU(1), change)
		j.Trainer.Steps = steps
		wait.Go(func() {
			if err := j.Join(&member{rank: r, table: table}); err != nil {
				t.Error(err)
				return
			}
			err := j.Trainer.Run(t.Context(), func(m pid.Metrics) error {
				if r == 0 {
					all = append(all, m)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	return all
}

// Ranks have the losses of one process: the first to the bit, and all of them if it takes as many samples at a time as two ranks do.
func TestRanks(t *testing.T) {
	const steps = 4
	one := func(change func(*pid.Config)) (all []pid.Metrics) {
		j := pidtest.Job(t, tensor.CPU(1), change)
		j.Trainer.Steps = steps
		if err := j.Trainer.Run(t.Context(), func(m pid.Metrics) error { all = append(all, m); return nil }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	want, half := one(nil), one(func(c *pid.Config) { c.Micro = 3 })
	for n := 2; n <= 6; n++ { // of a batch of 6: 4 and 5 do not divide it
		got := ranked(t, n, steps, nil)
		if len(got) != steps || got[0].Loss != want[0].Loss || got[0].Quartiles != want[0].Quartiles {
			t.Fatalf("%d ranks: first step %+v, one process has %+v", n, got[0], want[0])
		}
		for i := range got {
			if r := math.Abs(got[i].Loss/want[i].Loss - 1); r > 1e-5 {
				t.Errorf("%d ranks: loss %d is off by %.1g, more than rounding", n, i, r)
			}
		}
		if n == 2 && !slices.Equal(got, half) {
			t.Errorf("2 ranks have %+v, one process with half of the batch at a time %+v", got, half)
		}
	}
}

// All ranks stop after the same step, whichever was told to, and whether it is told between steps or while it looks at one.
func TestRanksStop(t *testing.T) {
	for _, told := range []int{0, 1, 2} {
		table := newTable(3)
		var wait sync.WaitGroup
		for r := range 3 {
			j := pidtest.Job(t, tensor.CPU(1), nil)
			j.Trainer.Steps = 50
			ctx, cancel := context.WithCancel(t.Context())
			wait.Go(func() {
				if err := j.Join(&member{rank: r, table: table}); err != nil {
					t.Error(err)
					return
				}
				err := j.Trainer.Run(ctx, func(m pid.Metrics) error {
					if r == told && m.Step == 3 {
						cancel()
						if r == 0 {
							return context.Cause(ctx) // an evaluation that was interrupted
						}
					}
					return nil
				})
				want := pid.ErrStopped
				if r == told {
					want = context.Canceled
				}
				if !errors.Is(err, want) || j.Trainer.Step != 3 {
					t.Errorf("rank %d, of which %d was told to stop after step 3: %v after step %d", r, told, err, j.Trainer.Step)
				}
			})
			t.Cleanup(cancel)
		}
		wait.Wait()
	}
}

// Ranks that would not make the same run are told so, all of them.
func TestRanksDiffer(t *testing.T) {
	for name, change := range map[string]func(r int, j *pid.Job){
		"settings": func(r int, j *pid.Job) { j.Config.LR = float64(1 + r) },
		"step":     func(r int, j *pid.Job) { j.Trainer.Step = r },
		"weights":  func(r int, j *pid.Job) { j.Student.Net.ScaleOutput(float32(1 + r)) },
		"batch":    func(_ int, j *pid.Job) { j.Trainer.Batch = 1 },
	} {
		table := newTable(2)
		var wait sync.WaitGroup
		for r := range 2 {
			j := pidtest.Job(t, tensor.CPU(1), nil)
			change(r, j)
			wait.Go(func() {
				err := j.Join(&member{rank: r, table: table})
				if err == nil || !strings.Contains(err.Error(), map[bool]string{true: "too few samples", false: "rank 1 has other"}[name == "batch"]) {
					t.Errorf("%s: rank %d: %v", name, r, err)
				}
			})
		}
		wait.Wait()
	}
	// Where the files are may differ.
	table := newTable(2)
	var wait sync.WaitGroup
	for r := range 2 {
		j := pidtest.Job(t, tensor.CPU(1), nil)
		j.Config.Teacher, j.Config.Inception, j.Config.Ref = strings.Repeat("x", r), strings.Repeat("i", r+1), strings.Repeat("r", r+1)
		wait.Go(func() {
			if err := j.Join(&member{rank: r, table: table}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}
