package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/cuda"
	"onestep/kernels/cuda/emulated"
	"onestep/kernels/cuda/simt"
)

// TestSectors counts the sectors of 32 bytes that aligned buffers of the networks' shapes cost, of each access by itself and, as memory sees them,
// each once: at least 90 % of what is moved was asked for, and next to no byte beside the buffers is. Conflicts in shared memory add 10 % at most.
func TestSectors(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	interpreted(t)
	drv := emulated.New(simt.Options{})
	dev, err := cuda.On(drv, "emulated")
	if err != nil {
		t.Fatal(err)
	}
	for _, dt := range []kernels.DType{kernels.F32, kernels.F16} {
		b := &sectorBuffers{Device: dev, dt: dt}
		for name, run := range sectorCases(b) {
			counters := simt.NewCounters(true)
			drv.SetOptions(simt.Options{Counters: counters})
			run()
			moved := 32 * (len(counters.Read) + len(counters.Written))
			ideal := float64(counters.IdealSectors) / float64(counters.Sectors)
			conflicts := float64(counters.Wavefronts)/float64(max(1, counters.IdealWavefronts)) - 1
			t.Logf("%v %s: %.1f %% of sectors ideal, %.3f of the buffers' bytes, %.1f %% conflicts", dt, name, 100*ideal, float64(moved)/float64(b.bytes), 100*conflicts)
			if conflicts > 0.1 && name != "bilinear_backward" { // 24 %: its lanes are as far apart as the pictures' sizes are
				t.Errorf("%v %s: conflicts add %.1f %% to the wavefronts of shared memory", dt, name, 100*conflicts)
			}
			if ideal < 0.9 || float64(moved) > 1.1*float64(b.bytes) {
				t.Errorf("%v %s: %.1f %% of sectors ideal; %d bytes moved, %d in the buffers", dt, name, 100*ideal, moved, b.bytes)
			}
			b.free()
		}
	}
}

// TestWholeVectors has elements that fill all threads' vectors: each is stored in one, the last too. A warp stores 512 bytes of an output at a time,
// or 256 of Adam's binary16 copy beside as many float32 numbers.
func TestWholeVectors(t *testing.T) {
	interpreted(t)
	drv := emulated.New(simt.Options{})
	dev, err := cuda.On(drv, "emulated")
	if err != nil {
		t.Fatal(err)
	}
	for _, dt := range []kernels.DType{kernels.F32, kernels.F16} {
		b := &sectorBuffers{Device: dev, dt: dt}
		cases := sectorCases(b)
		for name, bytes := range map[string]int{
			"axpby": dt.Size(), "silu": dt.Size(), "silu_backward": dt.Size(), "relu_backward": dt.Size(), "copy_channels": dt.Size(), "adam": 5 * 4,
		} {
			counters := simt.NewCounters(false)
			drv.SetOptions(simt.Options{Counters: counters})
			cases[name]()
			if want := sectorImage * bytes / 512; counters.Stores != int64(want) {
				t.Errorf("%v %s: warps store %d times, want %d", dt, name, counters.Stores, want)
			}
			b.free()
		}
	}
}

// sectorBuffers makes the buffers of an operation, and counts the bytes of those that it reads or writes, and twice of those that it updates.
type sectorBuffers struct {
	*cuda.Device
	dt    kernels.DType
	given []kernels.Buf
	bytes int
}

// typed is a buffer of zeros.
func (s *sectorBuffers) typed(dt kernels.DType, n int) kernels.Buf {
	b := s.Alloc(dt, n)
	s.Upload(b, make([]float32, n))
	s.given = append(s.given, b)
	s.bytes += b.Bytes()
	return b
}

func (s *sectorBuffers) half(n int) kernels.Buf { return s.typed(s.dt, n) }
func (s *sectorBuffers) full(n int) kernels.Buf { return s.typed(kernels.F32, n) }

// updated is a list of one float32 buffer that is updated.
func (s *sectorBuffers) updated(n int) []kernels.Buf {
	s.bytes += 4 * n
	return []kernels.Buf{s.full(n)}
}

func (s *sectorBuffers) free() {
	for _, b := range s.given {
		s.Free(b)
	}
	s.given, s.bytes = nil, 0
}
