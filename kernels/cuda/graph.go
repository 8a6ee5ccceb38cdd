package cuda

import (
	"fmt"

	"onestep/kernels"
	"onestep/kernels/cuda/driver"
)

// graph is recorded work. The memory on its shelf is its own as long as it can be launched, since the addresses are in the recorded launches.
type graph struct {
	d     *Device
	exec  driver.Graph
	shelf *shelf
	name  string // for messages
}

// Capture records the work that do asks for. See [kernels.Capturer].
func (d *Device) Capture(do func()) kernels.Graph {
	if d.pool.capture != nil {
		panic(fmt.Errorf("kernels/cuda: a capture within a capture"))
	}
	d.check("capture", d.drv.BeginCapture(d.stream))
	g, first := &graph{d: d, shelf: &shelf{}}, d.launched
	d.pool.capture = g.shelf
	finished := false
	defer func() {
		if finished {
			return
		}
		d.pool.capture = nil
		d.pool.disband(g.shelf)
		if exec, err := d.drv.EndCapture(d.stream); err == nil { // else the panic under way says why
			_ = d.drv.CloseGraph(exec)
		}
	}()
	do()
	finished = true
	d.pool.capture = nil
	g.name = fmt.Sprintf("graph of %d launches", d.launched-first)
	exec, err := d.drv.EndCapture(d.stream)
	if err != nil {
		d.pool.disband(g.shelf)
		d.check("capture", err)
	}
	g.exec = exec
	return g
}

// Launch does the recorded work.
func (g *graph) Launch() {
	d := g.d
	if d.pool.capture != nil {
		panic(fmt.Errorf("kernels/cuda: a graph launched during a capture"))
	}
	d.note(g.name)
	d.check(g.name, d.drv.LaunchGraph(g.exec, d.stream))
	d.settle(g.name)
}

// Release waits for the graph's last launch and gives its memory back.
func (g *graph) Release() {
	d := g.d
	d.check("release of a graph", d.drv.Sync(d.stream))
	d.check("release of a graph", d.drv.CloseGraph(g.exec))
	d.pool.disband(g.shelf)
}
