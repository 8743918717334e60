// All kernels of the product as the emulator compiles them: a line for each source, and one for each kernel.

#include "abi.cu"
#include "images.cu"
#include "plain.cu"
#include "pool.cu"
#include "linear.cu"
#include "loss.cu"
#include "batch_norm.cu"
#include "samples.cu"
#include "probe.cu"
#include "codes.cu"
#include "update.cu"
#include "scatter.cu"
#include "jacobian.cu"
#include "philox.cu"
#include "augment.cu"
#include "pack.cu"
#include "naive.cu"
#include "conv_fp32.cu"
#include "conv_tf32.cu"
#include "conv_f16.cu"
#include "conv_bf16.cu"
#include "depthwise.cu"
#include "grouped.cu"
#include "weight_gradient.cu"

KERNEL(abi_sizes)
KERNEL(images)
KERNEL(to_map)
KERNEL(read_node)
KERNEL(sum)
KERNEL(sum_gradient)
KERNEL(concat)
KERNEL(concat_gradient)
KERNEL(global_avg)
KERNEL(global_avg_gradient)
KERNEL(max_pool)
KERNEL(avg_pool)
KERNEL(avg_pool_gradient)
KERNEL(max_pool_gradient)
KERNEL(linear)
KERNEL(linear_gradient)
KERNEL(linear_weight_gradient)
KERNEL(cross_entropy)
KERNEL(cross_entropy_auxiliary)
KERNEL(batch_norm_given)
KERNEL(batch_norm_frozen)
KERNEL(sample_gradients)
KERNEL(spatial_mean)
KERNEL(fire_count)
KERNEL(covariance)
KERNEL(covariance_total)
KERNEL(pack_codes)
KERNEL(code_gram)
KERNEL(gradient_norm)
KERNEL(update_sgd)
KERNEL(update_adamw)
KERNEL(update_rmsprop)
KERNEL(scatter)
KERNEL(jacobian_gram)
KERNEL(gram_total)
KERNEL(jacobian_columns)
KERNEL(philox_normal)
KERNEL(augment)
KERNEL(pack_weights)
KERNEL(conv_naive)
KERNEL(batch_norm_naive)
KERNEL(conv_naive_gradient)
KERNEL(batch_norm_naive_gradient)
KERNEL(conv_fp32)
KERNEL(conv_fp32_gradient)
KERNEL(conv_tf32)
KERNEL(conv_tf32_gradient)
KERNEL(conv_f16)
KERNEL(conv_bf16)
KERNEL(conv_bf16_gradient)
KERNEL(depthwise)
KERNEL(depthwise_gradient)
KERNEL(grouped)
KERNEL(grouped_gradient)
KERNEL(conv_weight_gradient)
