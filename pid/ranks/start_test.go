package ranks

import (
	"strings"
	"testing"
)

func TestStartFrom(t *testing.T) {
	for _, c := range []struct {
		env  string
		want Start
		says string // of an error
	}{
		{env: "", want: Start{Size: 1}},
		{env: "OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_LOCAL_RANK=1", want: Start{By: MPIRun, Size: 4, Rank: 3, Local: 1}},
		{env: "OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=2",
			want: Start{By: MPIRun, Size: 4, Rank: 3, Local: 1, Peers: 2}},
		{env: "OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=2 OMPI_MCA_orte_bound_at_launch=1",
			want: Start{By: MPIRun, Size: 4, Rank: 3, Local: 1}},
		{env: "RANK=3 WORLD_SIZE=8 LOCAL_RANK=3 LOCAL_WORLD_SIZE=4 MASTER_ADDR=node MASTER_PORT=29400",
			want: Start{By: TorchRun, Size: 8, Rank: 3, Local: 3, Peers: 4, Addr: "node:29400"}},
		{env: "RANK=2 WORLD_SIZE=8 LOCAL_RANK=2 MASTER_ADDR=node MASTER_PORT=29400", want: Start{By: TorchRun, Size: 8, Rank: 2, Local: 2, Addr: "node:29400"}},
		{env: "RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 MASTER_ADDR=::1 MASTER_PORT=29400 TORCHELASTIC_USE_AGENT_STORE=True",
			want: Start{By: TorchRun, Size: 2, Rank: 1, Local: 1, Addr: "[::1]:29401"}},
		{env: "RANK=0 WORLD_SIZE=1 LOCAL_RANK=0", want: Start{By: TorchRun, Size: 1}},
		{env: "SLURM_PROCID=5 SLURM_NTASKS=16 SLURM_LOCALID=1 SLURM_JOB_ID=123456 SLURM_STEP_NODELIST=gpu[07-09,12],big1",
			want: Start{By: Slurm, Size: 16, Rank: 5, Local: 1, Addr: "gpu07:23456"}},
		{env: "SLURM_PROCID=1 SLURM_NTASKS=2 SLURM_LOCALID=1 PMIX_RANK=1", want: Start{By: Slurm, Size: 2, Rank: 1, Local: 1, Addr: "127.0.0.1:29500", PMIx: true}},
		{env: "SLURM_PROCID=1 SLURM_NTASKS=2 SLURM_LOCALID=1 MASTER_ADDR=a MASTER_PORT=7", want: Start{By: Slurm, Size: 2, Rank: 1, Local: 1, Addr: "a:7"}},
		// mpirun inside a Slurm allocation is mpirun.
		{env: "OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_LOCAL_RANK=0 SLURM_PROCID=0 SLURM_NTASKS=9", want: Start{By: MPIRun, Size: 2}},

		{env: "OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=4 OMPI_COMM_WORLD_LOCAL_RANK=0", says: "rank 4 of 4"},
		{env: "OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=-1 OMPI_COMM_WORLD_LOCAL_RANK=0", says: `OMPI_COMM_WORLD_RANK="-1"`},
		{env: "RANK=x WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=1", says: `RANK="x"`},
		{env: "RANK=0 WORLD_SIZE=2 LOCAL_RANK=0", says: "MASTER_PORT"},
		{env: "RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=70000", says: "MASTER_PORT 70000"},
		{env: "PMI_SIZE=2 PMI_RANK=0", says: "not Open MPI's"},
	} {
		env := map[string]string{}
		for _, kv := range strings.Fields(c.env) {
			k, v, _ := strings.Cut(kv, "=")
			env[k] = v
		}
		got, err := StartFrom(func(name string) string { return env[name] })
		if c.want.Peers == 0 {
			c.want.Peers = 1
		}
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want %q", c.env, err, c.says)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.env, got, err, c.want)
		}
	}
}

func TestFirstHost(t *testing.T) {
	for list, want := range map[string]string{
		"": "", "a": "a", "a,b": "a", "gpu[1-3]": "gpu1", "gpu[07,09-12],x": "gpu07", "x1,gpu[1-2]": "x1", "n[3]": "n3", "n[3": "n3",
	} {
		if got := firstHost(list); got != want {
			t.Errorf("%q begins with %q, want %q", list, got, want)
		}
	}
}

// CPU ranks are MPI's.
func TestOpenRefuses(t *testing.T) {
	_, err := Open(Start{By: TorchRun, Rank: 1, Size: 2, Addr: "127.0.0.1:1"}, Options{})
	if err == nil || !strings.Contains(err.Error(), "mpirun") || !strings.Contains(err.Error(), "rank 1 of 2, started by torchrun") {
		t.Errorf("torchrun without a GPU: %v", err)
	}
}

func TestSingle(t *testing.T) {
	c, err := Open(Start{Size: 1}, Options{})
	if err != nil || c.Rank() != 0 || c.Size() != 1 {
		t.Fatalf("%v, %v", c, err)
	}
	c.AllReduce(nil)
	c.Wait()
	all, err := c.AllGather([]byte("x"))
	if err != nil || len(all) != 1 || string(all[0]) != "x" || c.OnDevice() || c.Barrier() != nil || c.Close() != nil {
		t.Errorf("%q, %v", all, err)
	}
}
