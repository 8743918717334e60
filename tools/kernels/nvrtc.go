//go:build linux && cgo

package main

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

typedef void *program;
static struct {
	int (*version)(int *, int *);
	const char *(*words)(int);
	int (*create)(program *, const char *, const char *, int, const char *const *, const char *const *);
	int (*destroy)(program *);
	int (*compile)(program, int, const char *const *);
	int (*log_size)(program, size_t *), (*log)(program, char *);
	int (*ptx_size)(program, size_t *), (*ptx)(program, char *);
} nvrtc;

// load returns 0, or why the library cannot be used.
static const char *load(const char *path) {
	void *lib = dlopen(path, RTLD_NOW);
	if (!lib)
		return dlerror();
#define GET(field, name) \
	if (!(*(void **)&nvrtc.field = dlsym(lib, name))) \
		return dlerror();
	GET(version, "nvrtcVersion")
	GET(words, "nvrtcGetErrorString")
	GET(create, "nvrtcCreateProgram")
	GET(destroy, "nvrtcDestroyProgram")
	GET(compile, "nvrtcCompileProgram")
	GET(log_size, "nvrtcGetProgramLogSize")
	GET(log, "nvrtcGetProgramLog")
	GET(ptx_size, "nvrtcGetPTXSize")
	GET(ptx, "nvrtcGetPTX")
	return 0;
}
static int version(int *major, int *minor) { return nvrtc.version(major, minor); }
static const char *words(int code) { return nvrtc.words(code); }
static int create(program *p, const char *text, const char *name, int n, char **headers, char **names) {
	return nvrtc.create(p, text, name, n, (const char *const *)headers, (const char *const *)names);
}
static void destroy(program p) { nvrtc.destroy(&p); }
static int compile(program p, int n, char **options) { return nvrtc.compile(p, n, (const char *const *)options); }
static int log_size(program p, size_t *n) { return nvrtc.log_size(p, n); }
static int read_log(program p, char *to) { return nvrtc.log(p, to); }
static int ptx_size(program p, size_t *n) { return nvrtc.ptx_size(p, n); }
static int read_ptx(program p, char *to) { return nvrtc.ptx(p, to); }
*/
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// loadNVRTC loads the first of the paths that can be, and returns the library's version.
func loadNVRTC(paths ...string) (string, error) {
	var why error
	for _, path := range paths {
		p := C.CString(path)
		said := C.load(p)
		C.free(unsafe.Pointer(p))
		if said == nil {
			var major, minor C.int
			if err := check("nvrtcVersion", C.version(&major, &minor)); err != nil {
				return "", err
			}
			return fmt.Sprintf("%d.%d", major, minor), nil
		}
		if why == nil {
			why = fmt.Errorf("NVRTC: %s", C.GoString(said))
		}
	}
	return "", why
}

// compilePTX compiles one source file. Whatever the compiler says is an error.
func compilePTX(name, text string, headers map[string]string, options []string) ([]byte, error) {
	var names, texts []string
	for h, t := range headers {
		names, texts = append(names, h), append(texts, t)
	}
	cName, cText := C.CString(name), C.CString(text)
	defer C.free(unsafe.Pointer(cName))
	defer C.free(unsafe.Pointer(cText))
	cNames, cTexts, cOptions := cStrings(names), cStrings(texts), cStrings(options)
	defer freeStrings(cNames)
	defer freeStrings(cTexts)
	defer freeStrings(cOptions)

	var p C.program
	if err := check("nvrtcCreateProgram", C.create(&p, cText, cName, C.int(len(names)), &cTexts[0], &cNames[0])); err != nil {
		return nil, err
	}
	defer C.destroy(p)
	failed := check("nvrtcCompileProgram", C.compile(p, C.int(len(options)), &cOptions[0]))
	said, err := programLog(p)
	if err = errors.Join(failed, err); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	if said != "" {
		return nil, fmt.Errorf("NVRTC warns:\n%s", said)
	}
	var size C.size_t
	if err := check("nvrtcGetPTXSize", C.ptx_size(p, &size)); err != nil {
		return nil, err
	}
	ptx := make([]byte, size)
	err = check("nvrtcGetPTX", C.read_ptx(p, (*C.char)(unsafe.Pointer(&ptx[0]))))
	return ptx[:size-1], err // without C's final zero
}

func programLog(p C.program) (string, error) {
	var size C.size_t
	if err := check("nvrtcGetProgramLogSize", C.log_size(p, &size)); err != nil || size == 0 {
		return "", err
	}
	log := make([]byte, size)
	err := check("nvrtcGetProgramLog", C.read_log(p, (*C.char)(unsafe.Pointer(&log[0]))))
	return strings.TrimSpace(strings.TrimRight(string(log), "\x00")), err
}

func check(call string, code C.int) error {
	if code == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s", call, C.GoString(C.words(code)))
}

// cStrings copies texts to C's memory. The slice ends with a null, so that it is never empty.
func cStrings(texts []string) []*C.char {
	out := make([]*C.char, len(texts)+1)
	for i, t := range texts {
		out[i] = C.CString(t)
	}
	return out
}

func freeStrings(s []*C.char) {
	for _, p := range s {
		C.free(unsafe.Pointer(p))
	}
}
