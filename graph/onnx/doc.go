// Package onnx writes networks as ONNX files, which other runtimes run.
//
//	m, err := weights.LoadModel("runs/cnn/model.safetensors")
//	file, err := onnx.Options{}.Export(modelzoo.CNN(10), m.Tensors, 1, 28, 28)
//
// A file is written from the nodes of the network's graph for inference, in
// float32, at opset 17, with the batch size left free. ONNX's messages are
// written by hand: they are few, see proto.go.
package onnx
