"""What there is to compute on, besides processors."""


def accelerators():
    """Returns the names of the GPUs and TPUs that Keras can use."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        devices = [d for d in jax.devices() if d.platform != "cpu"]
        return [device.device_kind for device in devices]
    return [
        device
        for device in keras.distribution.list_devices()
        if not device.lower().startswith("cpu")
    ]
