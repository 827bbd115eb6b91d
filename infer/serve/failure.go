package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// failure is an error that a client gets to see.
type failure struct {
	status  int
	kind    string // in metrics and logs
	message string
	cause   error // for the log alone
}

func (f *failure) Error() string { return f.message }

// Kinds of failures.
const (
	kindMalformed    = "malformed"     // what came is not JSON, or not a picture
	kindInput        = "input"         // it is, but not what the model takes
	kindPath         = "path"          // no such address or method
	kindModel        = "unknown_model" //
	kindToken        = "token"         // no or another bearer token
	kindLarge        = "too_large"     // larger than can ever be served
	kindSlow         = "slow_body"     // the body did not come in time, or not whole
	kindOrigin       = "origin"        // from a page of another site, or for another host
	kindConnections  = "connections"   // too many are open
	kindQueue        = "queue_full"    //
	kindMemory       = "memory_full"   //
	kindDeadline     = "deadline"      //
	kindDisconnected = "disconnected"  // the client did not wait
	kindStopping     = "stopping"      // the server is shutting down
	kindInternal     = "internal"      // a bug
)

func failed(status int, kind, format string, args ...any) *failure {
	return &failure{status: status, kind: kind, message: fmt.Sprintf(format, args...)}
}

func malformed(format string, args ...any) *failure {
	return failed(http.StatusBadRequest, kindMalformed, format, args...)
}

func wrongInput(format string, args ...any) *failure {
	return failed(http.StatusBadRequest, kindInput, format, args...)
}

func tooLarge(format string, args ...any) *failure {
	return failed(http.StatusRequestEntityTooLarge, kindLarge, format, args...)
}

// asFailure is an error as a client gets to see it, nil for none.
func asFailure(err error) *failure {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return f
	}
	return internal(err)
}

// Status says what a client gets to see of an error of the server's: HTTP's status,
// whatever the protocol, and a text.
func Status(err error) (status int, message string) {
	f := asFailure(err)
	if f == nil {
		return http.StatusOK, ""
	}
	return f.status, f.message
}

// Refused is an error that a client gets to see, for a protocol beside HTTP: status
// is what HTTP would answer with, 499 for a client that did not wait.
func Refused(status int, message string) error {
	kind, ok := kinds[status]
	if !ok {
		return internal(errors.New(message))
	}
	return failed(status, kind, "%s", message)
}

// kinds are those of Refused.
var kinds = map[int]string{
	http.StatusBadRequest:            kindMalformed,
	http.StatusUnauthorized:          kindToken,
	http.StatusNotFound:              kindPath,
	http.StatusRequestTimeout:        kindSlow,
	http.StatusRequestEntityTooLarge: kindLarge,
	http.StatusServiceUnavailable:    kindStopping,
	http.StatusGatewayTimeout:        kindDeadline,
	statusDisconnected:               kindDisconnected,
}

// internal keeps what went wrong from the client: it may tell too much.
func internal(cause error) *failure {
	return &failure{http.StatusInternalServerError, kindInternal, "internal error", cause}
}

// tooLate is the error of a request whose context ended before there was an answer.
func tooLate(ctx context.Context) *failure {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return failed(http.StatusGatewayTimeout, kindDeadline, "no answer within the time allowed")
	}
	return failed(statusDisconnected, kindDisconnected, "the client went away")
}

// statusDisconnected goes to nobody: it is what logs and metrics show of a
// request whose client went away.
const statusDisconnected = 499
