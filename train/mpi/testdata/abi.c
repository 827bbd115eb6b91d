// A library with the standard ABI of MPI-5 for one process: rank 0 of 2, whose rank 1
// answers each byte with its complement. It judges each handle and constant that
// arrives by the numbers of the MPI forum's mpi.h, written down here anew, and ends
// the process where one differs.
//
// Variables of the environment: FAKE_FAIL names a function that returns an error,
// FAKE_HANG one that never returns, FAKE_SIGNAL lets MPI_Init_thread replace the
// handlers of SIGUSR1 and SIGSEGV as MPICH with UCX does. -DNO_ABI leaves out MPI_Abi_get_version.

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMM_WORLD 0x101
#define BYTE 0x247
#define ERRORS_RETURN 0x142
#define IN_PLACE 1
#define THREAD_FUNNELED 1024
#define REQUEST_NULL 0x180
#define ERR_OTHER 16

typedef struct {
	int source, tag, error, count, internal[4];
} status;

static void want(const char *function, const char *what, intptr_t got, intptr_t wanted) {
	if (got != wanted) {
		fprintf(stderr, "%s: %s is %#lx, want %#lx\n", function, what, (long)got, (long)wanted);
		_exit(99);
	}
}

// enter returns the error of a function that is to fail.
static int enter(const char *function) {
	const char *hang = getenv("FAKE_HANG"), *fail = getenv("FAKE_FAIL");
	while (hang && !strcmp(hang, function))
		pause();
	return fail && !strcmp(fail, function) ? ERR_OTHER : 0;
}

#define ENTER if (enter(__func__)) return ERR_OTHER

// Requests are addresses of these. A request is done when it is tested twice.
static struct request {
	enum { FREE, SEND, RECEIVE, GATHER } kind;
	unsigned char *to;
	int count, tests;
} requests[16];

static unsigned char mirror[1 << 16]; // what rank 1 has been sent
static int sent, received;

static intptr_t request(int kind, void *to, int count) {
	for (int i = 0; i < 16; i++)
		if (requests[i].kind == FREE) {
			requests[i] = (struct request){kind, to, count, 0};
			return (intptr_t)&requests[i];
		}
	want("request", "free requests", 0, 1);
	return 0;
}

#ifndef NO_ABI
int MPI_Abi_get_version(int *major, int *minor) {
	ENTER;
	*major = 1;
	*minor = 0;
	return 0;
}
#endif

int MPI_Get_library_version(char *version, int *length) {
	ENTER;
	*length = sprintf(version, "Mirror MPI Version:\t5.0.1\nfor tests");
	return 0;
}

static void nothing(int s) { (void)s; }

static void fault(int s) {
	puts("a fault");
	exit(99);
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
	ENTER;
	want(__func__, "argc", (intptr_t)argc, 0);
	want(__func__, "argv", (intptr_t)argv, 0);
	want(__func__, "the level of threads", required, THREAD_FUNNELED);
	if (getenv("FAKE_SIGNAL")) {
		struct sigaction a = {.sa_handler = fault, .sa_flags = SA_ONSTACK};
		sigaction(SIGSEGV, &a, NULL);
		signal(SIGUSR1, nothing);
	}
	*provided = THREAD_FUNNELED;
	return 0;
}

int MPI_Finalize(void) {
	ENTER;
	puts("MPI_Finalize");
	return fflush(stdout);
}

int MPI_Abort(intptr_t comm, int code) {
	ENTER;
	want(__func__, "the communicator", comm, COMM_WORLD);
	printf("MPI_Abort %d\n", code);
	return fflush(stdout);
}

int MPI_Comm_set_errhandler(intptr_t comm, intptr_t handler) {
	ENTER;
	want(__func__, "the communicator", comm, COMM_WORLD);
	want(__func__, "the handler", handler, ERRORS_RETURN);
	return 0;
}

int MPI_Comm_size(intptr_t comm, int *size) {
	ENTER;
	want(__func__, "the communicator", comm, COMM_WORLD);
	*size = 2;
	return 0;
}

int MPI_Comm_rank(intptr_t comm, int *rank) {
	ENTER;
	want(__func__, "the communicator", comm, COMM_WORLD);
	*rank = 0;
	return 0;
}

int MPI_Isend(const void *buf, int count, intptr_t type, int to, int tag, intptr_t comm, intptr_t *req) {
	ENTER;
	want(__func__, "the type", type, BYTE);
	want(__func__, "the rank", to, 1);
	want(__func__, "the tag", tag, 1);
	want(__func__, "the communicator", comm, COMM_WORLD);
	for (int i = 0; i < count; i++)
		mirror[sent++] = ~((const unsigned char *)buf)[i];
	*req = request(SEND, 0, count);
	return 0;
}

int MPI_Irecv(void *buf, int count, intptr_t type, int from, int tag, intptr_t comm, intptr_t *req) {
	ENTER;
	want(__func__, "the type", type, BYTE);
	want(__func__, "the rank", from, 1);
	want(__func__, "the tag", tag, 1);
	want(__func__, "the communicator", comm, COMM_WORLD);
	*req = request(RECEIVE, buf, count);
	return 0;
}

int MPI_Iallgatherv(const void *buf, int count, intptr_t type, unsigned char *all, const int *counts, const int *at, intptr_t alltype,
		    intptr_t comm, intptr_t *req) {
	ENTER;
	want(__func__, "the buffer to send", (intptr_t)buf, IN_PLACE);
	want(__func__, "the number of elements to send", count, 0);
	want(__func__, "the type", type, BYTE);
	want(__func__, "the type of the others", alltype, BYTE);
	want(__func__, "the communicator", comm, COMM_WORLD);
	want(__func__, "the length of rank 1", counts[1], counts[0]);
	for (int i = 0; i < counts[0]; i++)
		all[at[1] + i] = ~all[at[0] + i];
	*req = request(GATHER, all, 0);
	return 0;
}

int MPI_Test(intptr_t *req, int *flag, status *s) {
	ENTER;
	struct request *r = (struct request *)*req;
	*flag = r->tests++ > 0;
	if (!*flag)
		return 0;
	if (r->kind == RECEIVE) {
		memcpy(r->to, mirror + received, r->count);
		received += r->count;
	}
	memset(s, 0x55, sizeof *s);
	s->source = 1, s->tag = 1, s->error = 0, s->count = r->count;
	r->kind = FREE;
	*req = REQUEST_NULL;
	return 0;
}

int MPI_Get_count(const status *s, intptr_t type, int *count) {
	ENTER;
	want(__func__, "the type", type, BYTE);
	*count = s->count;
	return 0;
}

int MPI_Error_string(int code, char *text, int *length) {
	*length = sprintf(text, "error %d, which\n  this library was told to return", code);
	return 0;
}
