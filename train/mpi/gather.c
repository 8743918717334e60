//go:build mpi

#include <mpi.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "gather.h"

int bnas_mpi_begin(int *rank, int *ranks) {
  int provided, code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if (code == MPI_SUCCESS) code = MPI_Comm_rank(MPI_COMM_WORLD, rank);
  if (code == MPI_SUCCESS) code = MPI_Comm_size(MPI_COMM_WORLD, ranks);
  return code;
}

int bnas_mpi_end(void) { return MPI_Finalize(); }

void bnas_mpi_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

void bnas_mpi_message(int code, char *text) {
  int length;
  text[0] = 0;
  MPI_Error_string(code, text, &length);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

// A part is mostly there within microseconds. Later a rank sleeps, so that it does not take the core of another one.
static void rest(double waited) {
  if (waited < 500e-6) {
    sched_yield();
    return;
  }
  struct timespec pause = {0, waited < 10e-3 ? 50000 : 500000};
  nanosleep(&pause, NULL);
}

// Waits for n requests. The time in which the whole job was stopped does not count: no turn counts for more than a second.
static int wait_all(MPI_Request *requests, int n, double seconds) {
  double waited = 0, last = now();
  for (;;) {
    int done = 0, code = MPI_Testall(n, requests, &done, MPI_STATUSES_IGNORE);
    if (code != MPI_SUCCESS || done) return code;
    double t = now();
    waited += t - last < 1 ? t - last : 1;
    last = t;
    if (seconds > 0 && waited > seconds) return BNAS_MPI_SILENT;
    rest(waited);
  }
}

// Each rank sends its bytes to every other one, so that a rank knows which one it waits for. Testall completes no request before all
// are complete: the receipts are tested one by one to name the silent rank.
int bnas_mpi_gather(char *all, const int *lengths, int rank, int ranks, double seconds, int *silent) {
  MPI_Request *requests = malloc(2 * ranks * sizeof *requests);
  size_t *begin = malloc(ranks * sizeof *begin);
  if (!requests || !begin) {
    free(requests);
    free(begin);
    return MPI_ERR_NO_MEM;
  }
  begin[0] = 0;
  for (int i = 1; i < ranks; i++) begin[i] = begin[i - 1] + lengths[i - 1];
  int n = 0, code = MPI_SUCCESS;
  for (int i = 1; i < ranks && code == MPI_SUCCESS; i++) {
    int from = (rank + ranks - i) % ranks;
    code = MPI_Irecv(all + begin[from], lengths[from], MPI_BYTE, from, 0, MPI_COMM_WORLD, &requests[n++]);
  }
  for (int i = 1; i < ranks && code == MPI_SUCCESS; i++)
    code = MPI_Isend(all + begin[rank], lengths[rank], MPI_BYTE, (rank + i) % ranks, 0, MPI_COMM_WORLD, &requests[n++]);
  if (code == MPI_SUCCESS) code = wait_all(requests, n, seconds);
  if (code == BNAS_MPI_SILENT) {
    *silent = (rank + 1) % ranks;
    for (int i = 1; i < ranks; i++) {
      int done = 0;
      MPI_Test(&requests[i - 1], &done, MPI_STATUS_IGNORE);
      if (!done) {
        *silent = (rank + ranks - i) % ranks;
        break;
      }
    }
  }
  free(begin);
  free(requests);
  return code;
}
