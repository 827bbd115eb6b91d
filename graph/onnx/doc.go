// Package onnx writes networks as ONNX files, which other runtimes run, and reads
// such files as layers.
//
//	m, err := weights.LoadModel("runs/cnn/model.safetensors")
//	file, err := onnx.Options{}.Export(modelzoo.CNN(10), m.Tensors, 1, 28, 28)
//
// A file is written from the nodes of the network's graph for inference, in
// float32, at opset 17, with the batch size left free: any network can be written
// whose ops are those of package op. [Load] reads the operators that image
// networks need, of opsets up to 21, into a [Model], which is a graph.Layer of
// the same ops: it is differentiated, trained and written again like any other.
//
// ONNX's messages are few, and written and read by hand: wire.go has protobuf's
// format, proto.go the messages. One table has a rule for each op to write,
// exportRules, and another for each operator to read, importRules.
package onnx
