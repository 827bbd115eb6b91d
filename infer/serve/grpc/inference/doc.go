// Package inference has the messages of the Open Inference Protocol, version 2, over
// gRPC, and a client's and a server's side of its service, as protoc writes them from
// open_inference_grpc.proto. The file is that of kserve/open-inference-protocol, as it
// is, under the Apache License 2.0, which it begins with.
//
// A client of cmd/serve -grpc, or of KServe and Triton:
//
//	conn, err := grpc.NewClient("127.0.0.1:8081", grpc.WithTransportCredentials(insecure.NewCredentials()))
//	answer, err := inference.NewGRPCInferenceServiceClient(conn).ModelInfer(ctx, &inference.ModelInferRequest{ModelName: "cnn", …})
//
// The generated files are written anew so, with protoc 3.21, protoc-gen-go 1.36.12 and
// protoc-gen-go-grpc 1.6.2; a test holds them against the file, so that nobody needs
// these to build:
//
//	M=Mopen_inference_grpc.proto=tapenet/infer/serve/grpc/inference
//	protoc --go_out=. --go_opt=paths=source_relative,$M --go-grpc_out=. --go-grpc_opt=paths=source_relative,$M open_inference_grpc.proto
package inference
