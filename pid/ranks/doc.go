// Package ranks joins the processes of a data parallel run: one process, called a rank, for each GPU or each share of a CPU. Ranks compute the
// gradients of their samples and add them up; everything else they do alike.
//
//	mpirun -n 2 distill …                     on CPUs or GPUs: Open MPI's libmpi, opened at run time
//	torchrun --nproc-per-node 8 --no-python distill …     on GPUs: a TCP connection of every rank to rank 0, and NCCL
//	srun -n 8 distill …                       the same; on CPUs with srun --mpi=pmix
//
// [StartFrom] reads from the environment which of these it is, [Open] joins. On GPUs the gradients are added by NCCL (libnccl.so.2, opened at run
// time too) and the rest goes through MPI or TCP. ONESTEP_LIBMPI and ONESTEP_LIBNCCL may name the libraries' files. Whoever can connect to rank 0's
// port while ranks are still missing can take the place of one: as with torchrun's own, it belongs on a network of one's own.
//
// # Order of sums
//
// The same number of ranks gives the same bits, every time. On CPUs no library chooses the order of a sum: each rank is sent everybody's part of
// its share of a bucket, adds the parts up in float64 in the order of the ranks, rounds once, and sends the result to all. That moves as many
// bytes as a ring. NCCL's order is its own; for one library, one number of ranks and one way in which the GPUs are connected it is fixed,
// because buckets have the same sizes in each step.
//
// # Lost ranks
//
// A rank that fails calls [Comm.Abort]. One that is killed is noticed by mpirun, or by the end of its TCP connection, or, where a machine went
// away without a word, within some ten seconds by TCP's probes. NCCL's communicator is then given up, which frees ranks that wait inside it;
// so it is if NCCL itself reports an error, which is asked for twice a second.
//
// # Decisions
//
//   - 2026-11: Open MPI only. Its handles are addresses of exported symbols, those of MPICH and its kin are numbers in a header: a library without
//     these symbols is refused. Rejected: a shim in C, for which every user would need a compiler.
//   - 2026-11: one goroutine, locked to its thread, makes all MPI calls, and waits by asking (MPI_Test) with pauses, so that a waiting rank leaves
//     its processor to one that computes. Rejected: blocking collectives, which spin.
//   - 2026-11: no transport of our own for gradients on CPUs. TCP carries what is small: NCCL's id, losses, whether to stop.
package ranks
