package onnx

import "strings"

// refused are the cases of TestNodes that do not pass, with the reason.
var refused = func() map[string]string {
	reasons := map[string]string{}
	for reason, names := range map[string]string{
		"values of another type than float32 and float64": `
			constantofshape_float_ones constantofshape_int_shape_zero constantofshape_int_zeros add_uint8
			cast_BFLOAT16_to_FLOAT cast_DOUBLE_to_FLOAT16 cast_FLOAT_to_BFLOAT16 cast_FLOAT_to_FLOAT16
			cast_FLOAT_to_STRING cast_STRING_to_FLOAT castlike_BFLOAT16_to_FLOAT_expanded
			castlike_DOUBLE_to_FLOAT16_expanded castlike_FLOAT_to_BFLOAT16_expanded
			castlike_FLOAT_to_FLOAT16_expanded castlike_FLOAT_to_STRING_expanded
			castlike_STRING_to_FLOAT_expanded clip_default_int8_inbounds clip_default_int8_max
			clip_default_int8_min div_uint8 edge_pad maxpool_2d_uint8 mul_uint8 pow_types_float
			pow_types_float32_uint32 pow_types_float32_uint64 pow_types_int32_float32 pow_types_int32_int32
			pow_types_int64_float32 pow_types_int64_int64 reflect_pad sub_uint8 Embedding Embedding_sparse
			operator_non_float_params`,
		"it trains, by an attribute or input of its own: a layer trains in a graph for training": `
			batchnorm_epsilon_training_mode batchnorm_example_training_mode training_dropout
			training_dropout_default training_dropout_default_mask training_dropout_mask`,
		"there is no input, and so no batch": `
			constant`,
		"its values are no tensors": `
			identity_opt identity_sequence`,
		"computed of constants alone, as TestFolds has it": `
			equal equal_bcast mod_broadcast mod_int64_fmod mod_mixed_sign_float16 mod_mixed_sign_float32
			mod_mixed_sign_float64 mod_mixed_sign_int16 mod_mixed_sign_int32 mod_mixed_sign_int64
			mod_mixed_sign_int8 mod_uint16 mod_uint32 mod_uint64 mod_uint8 not_2d not_3d not_4d
			range_float_type_positive_delta range_int32_type_negative_delta scatternd scatternd_add
			scatternd_multiply where_example where_long_example`,
		"a sum over one operand alone, a diagonal, or one operand: no product of matrices in pairs": `
			einsum_batch_diagonal einsum_inner_prod einsum_sum einsum_transpose`,
		"the exponent is a tensor of several values": `
			pow pow_bcast_array pow_example pow_types_float32_int32 pow_types_float32_int64 pow_types_int
			operator_pow`,
		"a tensor without elements: graphs have none": `
			reshape_allowzero_reordered slice_start_out_of_bounds split_zero_size_splits`,
		"its output is integers": `
			shape shape_clip_end shape_clip_start shape_end_1 shape_end_negative_1 shape_example shape_start_1
			shape_start_1_end_2 shape_start_1_end_negative_1 shape_start_negative_1`,
	} {
		for _, name := range strings.Fields(names) {
			reasons["test_"+name] = reason
		}
	}
	return reasons
}()
