/* The functions that the Go side calls: each is bound when libtch.so is opened. A function added to a header here is added
   to this list too. */
X(pii_torch_adamw_step)
X(pii_torch_built_version)
X(pii_torch_cuda_device)
X(pii_torch_cuda_device_count)
X(pii_torch_free)
X(pii_torch_get_num_threads)
X(pii_torch_library_path)
X(pii_torch_manual_seed)
X(pii_torch_onednn_version)
X(pii_torch_openblas)
X(pii_torch_set_num_threads)
X(pii_torch_show_config)
