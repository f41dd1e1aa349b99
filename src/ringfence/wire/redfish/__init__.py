"""Management controllers: the resources of a Redfish service (DMTF DSP0266)."""
