// Package grpc answers the Open Inference Protocol, version 2, over gRPC: the service
// GRPCInferenceService of KServe and Triton, with the models, batches and bounds of a
// server of package serve.
//
//	s, err := serve.New(serve.Config{Model: "runs/cnn"})
//	err = s.Serve(ctx, l, serve.Also{Listener: l2, Handler: grpc.Handler(s), HTTP2: true})
//
// It lies apart so that nobody else links gRPC. Package inference below it has the
// messages, and a client's side.
//
// A message travels through the HTTP/2 server of net/http, as the server's other
// requests do: certificate, connections, streams, header sizes and deadlines have the
// same bounds. What comes of a message counts among the memory of all requests while it
// comes; net/http answers pings and ends connections that send them without reading the
// answers. Messages are not compressed.
package grpc

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tapenet/infer/serve"
	"tapenet/infer/serve/grpc/inference"
)

// Handler answers gRPC requests with the models of a server. They have to come by
// HTTP/2: serve.Also.HTTP2 sees to that.
func Handler(s *serve.Server) http.Handler {
	desc := inference.GRPCInferenceService_ServiceDesc
	desc.Methods = slices.Clone(desc.Methods)
	for i, m := range desc.Methods {
		if m.MethodName == "ModelInfer" {
			m.Handler = modelInfer
		}
		desc.Methods[i].Handler = attended(m.Handler)
	}
	g := grpc.NewServer(grpc.MaxRecvMsgSize(int(s.MaxBody())), grpc.ForceServerCodecV2(codec{}))
	g.RegisterService(&desc, &service{server: s})
	return &handler{server: s, grpc: g}
}

type handler struct {
	server *serve.Server
	grpc   *grpc.Server
}

// endpoints are the names of the methods in metrics.
var endpoints = map[string]string{
	inference.GRPCInferenceService_ServerLive_FullMethodName:     "grpc_live",
	inference.GRPCInferenceService_ServerReady_FullMethodName:    "grpc_ready",
	inference.GRPCInferenceService_ModelReady_FullMethodName:     "grpc_model_ready",
	inference.GRPCInferenceService_ServerMetadata_FullMethodName: "grpc_server",
	inference.GRPCInferenceService_ModelMetadata_FullMethodName:  "grpc_metadata",
	inference.GRPCInferenceService_ModelInfer_FullMethodName:     "grpc_infer",
}

// open are the methods that need no token.
var open = map[string]bool{
	inference.GRPCInferenceService_ServerLive_FullMethodName:  true,
	inference.GRPCInferenceService_ServerReady_FullMethodName: true,
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	endpoint, ok := endpoints[r.URL.Path]
	if !ok {
		endpoint = "grpc_other"
	}
	c := &request{Call: h.server.Call(serve.Origin{Endpoint: endpoint, Method: "GRPC", Path: r.URL.Path, Client: r.RemoteAddr, Trace: serve.TraceID(r.Header), Body: r.Body})}
	defer func() { c.leave(r.Context(), w.Header()) }()
	if !open[r.URL.Path] {
		if c.err = h.server.Authorize(r.Header.Get("Authorization")); c.err != nil {
			refuse(w, c.err)
			return
		}
	}
	c.body = r.Body
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, c))
	r.Body = c
	h.grpc.ServeHTTP(w, r)
	switch h := w.Header(); { // the trailer is not sent yet
	case c.lost != nil: // gRPC has called it Unavailable
		setStatus(h, c.lost)
	case h.Get("Grpc-Status") == number(codes.Internal) && !c.read.Load(): // so gRPC calls a broken message, without waiting for the method
		h.Set("Grpc-Status", number(codes.InvalidArgument))
	}
}

// number is a code as the header has it.
func number(c codes.Code) string { return strconv.Itoa(int(c)) }

// refuse answers a request before its message is read.
func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/grpc")
	setStatus(w.Header(), err)
	w.WriteHeader(http.StatusOK)
}

// setStatus sets the header, or trailer, that says what came of a request.
func setStatus(h http.Header, err error) {
	st := status.Convert(statusError(err))
	h.Set("Grpc-Status", number(st.Code()))
	h.Set("Grpc-Message", escape(st.Message()))
}

// escape writes a message as gRPC's header has it: bytes that are not printable ASCII,
// and %, as % and two digits.
func escape(message string) string {
	var b strings.Builder
	for _, c := range []byte(message) {
		if c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// codeOf has gRPC's code for a status of HTTP, as google.rpc.Code says it, except that
// what a client may try again is Unavailable.
var codeOf = map[int]codes.Code{
	http.StatusBadRequest:            codes.InvalidArgument,
	http.StatusUnauthorized:          codes.Unauthenticated,
	http.StatusNotFound:              codes.NotFound,
	http.StatusRequestEntityTooLarge: codes.ResourceExhausted,
	http.StatusTooManyRequests:       codes.Unavailable,
	http.StatusServiceUnavailable:    codes.Unavailable,
	http.StatusGatewayTimeout:        codes.DeadlineExceeded,
	http.StatusRequestTimeout:        codes.DeadlineExceeded,
	499:                              codes.Canceled,
}

// statusError is an error of the server's as gRPC sends it.
func statusError(err error) error {
	httpStatus, message := serve.Status(err)
	code, ok := codeOf[httpStatus]
	if !ok {
		code = codes.Internal
	}
	return status.Error(code, message)
}
