// The calls of Open MPI that Go makes, with plain types. All of them are made by one thread.

// Each returns 0, or the code of an error of MPI.
int bnas_mpi_begin(int *rank, int *ranks);
int bnas_mpi_end(void);

// What bnas_mpi_gather returns beside the codes of MPI.
enum { BNAS_MPI_SILENT = -1 };

// Completes all, the bytes of the ranks one after the other, of which this rank has filled in its own. If a rank has sent nothing
// for so many seconds, the result is BNAS_MPI_SILENT, and *silent is the first such rank. 0 seconds are no limit.
int bnas_mpi_gather(char *all, const int *lengths, int rank, int ranks, double seconds, int *silent);

void bnas_mpi_abort(int code);

// Writes the message of a code into text, of at least 512 bytes.
void bnas_mpi_message(int code, char *text);
