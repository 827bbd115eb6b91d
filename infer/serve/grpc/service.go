package grpc

import (
	"context"

	"tapenet/infer/serve"
	"tapenet/infer/serve/grpc/inference"
)

// service answers all methods but ModelInfer, see modelInfer.
type service struct {
	inference.UnimplementedGRPCInferenceServiceServer
	server *serve.Server
}

func (s *service) ServerLive(context.Context, *inference.ServerLiveRequest) (*inference.ServerLiveResponse, error) {
	return &inference.ServerLiveResponse{Live: true}, nil
}

func (s *service) ServerReady(context.Context, *inference.ServerReadyRequest) (*inference.ServerReadyResponse, error) {
	return &inference.ServerReadyResponse{Ready: s.server.Ready() == nil}, nil
}

// ModelReady answers for a model that is not there with NotFound, as Triton does, not
// with false.
func (s *service) ModelReady(ctx context.Context, in *inference.ModelReadyRequest) (*inference.ModelReadyResponse, error) {
	if err := of(ctx).Find(in.Name, in.Version); err != nil {
		return nil, err
	}
	return &inference.ModelReadyResponse{Ready: true}, nil
}

func (s *service) ServerMetadata(context.Context, *inference.ServerMetadataRequest) (*inference.ServerMetadataResponse, error) {
	m := s.server.Metadata()
	return &inference.ServerMetadataResponse{Name: m.Name, Version: m.Version, Extensions: m.Extensions}, nil
}

func (s *service) ModelMetadata(ctx context.Context, in *inference.ModelMetadataRequest) (*inference.ModelMetadataResponse, error) {
	m, err := of(ctx).Metadata(in.Name, in.Version)
	if err != nil {
		return nil, err
	}
	return &inference.ModelMetadataResponse{
		Name: m.Name, Versions: m.Versions, Platform: m.Platform, Properties: m.Properties,
		Inputs: tensors(m.Inputs), Outputs: tensors(m.Outputs),
	}, nil
}

func tensors(list []serve.TensorMetadata) []*inference.ModelMetadataResponse_TensorMetadata {
	var all []*inference.ModelMetadataResponse_TensorMetadata
	for _, t := range list {
		all = append(all, &inference.ModelMetadataResponse_TensorMetadata{Name: t.Name, Datatype: t.Datatype, Shape: dims(t.Shape)})
	}
	return all
}

func dims(shape []int) []int64 {
	d := make([]int64, len(shape))
	for i, n := range shape {
		d[i] = int64(n)
	}
	return d
}
