package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"onestep/bench"
	"onestep/kernels"
	"onestep/nn"
	"onestep/tensor"
)

// peer is a running peer.py, which answers a JSON line with a JSON line.
type peer struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// answer is an answer of peer.py; each kind of question fills some of its fields.
type answer struct {
	Error      string
	Torch      string
	Capability string `json:"cpu_capability"`
	Layout     string
	Passes     string
	Seconds    struct{ Min, Median float64 }
	PeakRSS    int64 `json:"peak_rss_bytes"`
}

func start(python, script string) (*peer, error) {
	cmd := exec.Command(python, script)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "OPENBLAS_") { // PyTorch at its own best settings
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s %s: %w", python, script, err)
	}
	return &peer{cmd: cmd, in: in, lines: bufio.NewScanner(out)}, nil
}

func (p *peer) ask(question map[string]any) (answer, error) {
	var a answer
	line, err := json.Marshal(question)
	if err != nil {
		return a, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return a, fmt.Errorf("peer.py: %w", err)
	}
	if !p.lines.Scan() {
		return a, errors.Join(errors.New("peer.py ended: is PyTorch installed (bench/peer/requirements.txt)?"), p.lines.Err())
	}
	if err := json.Unmarshal(p.lines.Bytes(), &a); err != nil {
		return a, fmt.Errorf("peer.py: %w", err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("peer.py: %v: %s", question, a.Error)
	}
	return a, nil
}

// stop ends the process; it may be called twice.
func (p *peer) stop() {
	p.in.Close()
	p.cmd.Wait()
}

// childMemory runs the step in a process of its own and returns its peak resident memory in bytes.
func childMemory() (int64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, "-memory")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("own step: %w", err)
	}
	return strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
}

// ownMemory makes two steps and prints the peak resident memory in bytes, which Linux keeps in /proc.
func ownMemory() {
	cpu := kernels.NewCPU(threads)
	tr, err := bench.PIDStep(tensor.On(cpu), bench.Step{Net: nn.CIFAR10(), Batch: 4})
	for range 2 {
		if err == nil {
			_, err = tr.Update()
		}
	}
	var status []byte
	if err == nil {
		status, err = os.ReadFile("/proc/self/status")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kb int64
	fmt.Sscan(rest, &kb)
	fmt.Println(kb * 1024)
}
