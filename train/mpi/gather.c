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

// Names the rank that hangs: it has not sent its bytes, or not taken ours. Another one may be missing too: it waits for that rank itself, a
// gather before this one. A rank whose time is over says to all that it is there, and waits some seconds for what the missing ones say.
// Testall completes no request before all are complete: they are tested one by one.
static int silent_rank(MPI_Request *requests, int rank, int ranks) {
  enum { HERE = 1 };
  static char here = 1;
  for (int i = 1; i < ranks; i++) {
    MPI_Request sent;
    if (MPI_Isend(&here, 1, MPI_BYTE, (rank + i) % ranks, HERE, MPI_COMM_WORLD, &sent) == MPI_SUCCESS) MPI_Request_free(&sent);
  }
  for (double began = now(), turn = 0;; turn++) {
    int hang = 0, first = -1, missing = -1;
    for (int i = 1; i < ranks; i++) {
      int other = (rank + ranks - i) % ranks, sent = 0, taken = 0, waits = 0;
      MPI_Test(&requests[i - 1], &sent, MPI_STATUS_IGNORE);
      MPI_Test(&requests[ranks - 1 + ranks - i - 1], &taken, MPI_STATUS_IGNORE);
      if (sent && taken) continue;
      if (missing < 0) missing = other;
      MPI_Iprobe(other, HERE, MPI_COMM_WORLD, &waits, MPI_STATUS_IGNORE);
      if (waits) continue;
      hang++;
      if (first < 0) first = other;
    }
    // The first turns send what this rank says.
    if ((hang == 1 && turn > 100) || now() - began > 4) return first >= 0 ? first : missing >= 0 ? missing : (rank + 1) % ranks;
    rest(1);
  }
}

// Each rank sends its bytes to every other one, so that a rank knows which one it waits for.
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
  if (code == BNAS_MPI_SILENT) *silent = silent_rank(requests, rank, ranks);
  free(begin);
  free(requests);
  return code;
}
