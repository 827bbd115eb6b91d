package onnx

import "strings"

// refused are the cases of TestNodes that do not pass, with the reason.
var refused = func() map[string]string {
	reasons := map[string]string{}
	for reason, names := range map[string]string{
		"it trains, by an attribute or input of its own: a layer trains in a graph for training": `
			batchnorm_epsilon_training_mode batchnorm_example_training_mode training_dropout
			training_dropout_default training_dropout_default_mask training_dropout_mask`,
		"they are computed of constants alone, as TestFolds has it, and their answers have another π than their operators": `
			blackmanwindow_expanded blackmanwindow_symmetric_expanded hammingwindow_expanded
			hammingwindow_symmetric_expanded hannwindow_expanded hannwindow_symmetric_expanded`,
		"its bfloat16 are declared to be uint16": `
			cast_BFLOAT16_to_FLOAT cast_FLOAT_to_BFLOAT16 castlike_BFLOAT16_to_FLOAT castlike_BFLOAT16_to_FLOAT_expanded
			castlike_FLOAT_to_BFLOAT16 castlike_FLOAT_to_BFLOAT16_expanded`,
		"their answers count with a fraction of a pixel: ONNX Runtime has other ones too, and so have later versions of the cases": `
			resize_downsample_scales_cubic_align_corners resize_downsample_scales_linear_align_corners`,
		"text": `
			cast_FLOAT_to_STRING cast_STRING_to_FLOAT castlike_FLOAT_to_STRING castlike_FLOAT_to_STRING_expanded
			castlike_STRING_to_FLOAT castlike_STRING_to_FLOAT_expanded`,
		"its values are no tensors": `
			identity_opt identity_sequence if_opt if_seq`,
		"a tensor without elements: graphs have none": `
			reshape_allowzero_reordered slice_start_out_of_bounds tril_zero triu_zero split_zero_size_splits`,
	} {
		for _, name := range strings.Fields(names) {
			reasons["test_"+name] = reason
		}
	}
	return reasons
}()

// ofConstants are the cases of operators that are computed when a network is built: of
// shapes, tables and conditions, not of pictures. All their inputs are constants.
var ofConstants = func() map[string]bool {
	all := map[string]bool{}
	for _, name := range strings.Fields(`constant constantofshape_float_ones constantofshape_int_shape_zero constantofshape_int_zeros
		if nonzero_example range_float_type_positive_delta range_int32_type_negative_delta scatternd scatternd_add scatternd_multiply`) {
		all["test_"+name] = true
	}
	return all
}()
