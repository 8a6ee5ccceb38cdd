package ranks

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Launcher is what started the processes of a run.
type Launcher string

const (
	Alone    Launcher = ""
	MPIRun   Launcher = "mpirun"
	TorchRun Launcher = "torchrun"
	Slurm    Launcher = "Slurm"
)

// Start is what a process was told when it was started.
type Start struct {
	By    Launcher
	Rank  int    // 0 … Size−1
	Size  int    // 1: alone
	Local int    // the rank among those of this machine: which GPU to take
	Peers int    // ranks that share this process's processors, itself included; where the launcher bound each to some of its own: 1
	Addr  string // host:port where rank 0 listens, for torchrun and Slurm
	PMIx  bool   // Slurm started the ranks so that MPI finds its peers
}

// StartFrom reads a start from environment variables: Open MPI's, torchrun's or Slurm's, whichever are set first.
func StartFrom(getenv func(string) string) (Start, error) {
	e := &environ{get: getenv}
	switch {
	case e.get("OMPI_COMM_WORLD_SIZE") != "":
		s := Start{By: MPIRun, Size: e.number("OMPI_COMM_WORLD_SIZE"), Rank: e.number("OMPI_COMM_WORLD_RANK"), Local: e.number("OMPI_COMM_WORLD_LOCAL_RANK")}
		if e.get("OMPI_MCA_orte_bound_at_launch") != "1" && e.get("OMPI_COMM_WORLD_LOCAL_SIZE") != "" {
			s.Peers = e.number("OMPI_COMM_WORLD_LOCAL_SIZE")
		}
		return s.checked(e.err)
	case e.get("WORLD_SIZE") != "" && e.get("RANK") != "":
		s := Start{By: TorchRun, Size: e.number("WORLD_SIZE"), Rank: e.number("RANK"), Local: e.number("LOCAL_RANK")}
		if e.get("LOCAL_WORLD_SIZE") != "" {
			s.Peers = e.number("LOCAL_WORLD_SIZE")
		}
		if s.Size > 1 {
			port := e.number("MASTER_PORT")
			if e.get("TORCHELASTIC_USE_AGENT_STORE") == "True" {
				port++ // torchrun listens on the port itself
			}
			s.Addr = e.address(e.get("MASTER_ADDR"), port)
		}
		return s.checked(e.err)
	case e.get("SLURM_NTASKS") != "" && e.get("SLURM_PROCID") != "":
		s := Start{By: Slurm, Size: e.number("SLURM_NTASKS"), Rank: e.number("SLURM_PROCID"), Local: e.number("SLURM_LOCALID"), PMIx: e.get("PMIX_RANK") != ""}
		if s.Size > 1 {
			host, port := e.get("MASTER_ADDR"), 0
			if host == "" {
				host = firstHost(e.get("SLURM_STEP_NODELIST"))
			}
			if host == "" {
				host = firstHost(e.get("SLURM_JOB_NODELIST"))
			}
			if host == "" {
				host = "127.0.0.1"
			}
			if e.get("MASTER_PORT") != "" {
				port = e.number("MASTER_PORT")
			} else if e.get("SLURM_JOB_ID") != "" {
				port = 20000 + e.number("SLURM_JOB_ID")%10000
			} else {
				port = 29500
			}
			s.Addr = e.address(host, port)
		}
		return s.checked(e.err)
	case e.get("PMI_SIZE") != "" && e.get("PMI_SIZE") != "1":
		return Start{}, fmt.Errorf("PMI_SIZE %s: started by an mpirun that is not Open MPI's, the only one that works here", e.get("PMI_SIZE"))
	}
	return Start{Size: 1, Peers: 1}, nil
}

// checked is the start, or what is wrong with it.
func (s Start) checked(err error) (Start, error) {
	if err == nil && (s.Size < 1 || s.Rank >= s.Size) {
		err = fmt.Errorf("started by %s as rank %d of %d", s.By, s.Rank, s.Size)
	}
	if err != nil {
		return Start{}, err
	}
	s.Peers = max(s.Peers, 1)
	return s, nil
}

// environ reads numbers from the environment and keeps the first error.
type environ struct {
	get func(string) string
	err error
}

func (e *environ) number(name string) int {
	n, err := strconv.Atoi(e.get(name))
	if (err != nil || n < 0) && e.err == nil {
		e.err = fmt.Errorf("environment: %s=%q: want a number from 0", name, e.get(name))
	}
	return n
}

func (e *environ) address(host string, port int) string {
	if e.err == nil && (host == "" || port < 1 || port > 65535) {
		e.err = fmt.Errorf("environment: MASTER_ADDR %q, MASTER_PORT %d: want the host and port of rank 0", host, port)
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// firstHost is the first of Slurm's list of nodes: "gpu[07-09,12],big1" begins with gpu07.
func firstHost(list string) string {
	prefix, rest, bracket := strings.Cut(list, "[")
	if comma := strings.IndexByte(prefix, ','); comma >= 0 || !bracket {
		first, _, _ := strings.Cut(prefix, ",")
		return first
	}
	number := rest[:max(0, strings.IndexAny(rest+"]", "-,]"))]
	return prefix + number
}
