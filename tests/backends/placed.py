"""A pipeline whose environment says where its worker found the code, and one that cannot start."""

import gridrun
from gridrun.errors import EnvironmentFault
from gridrun.testing.toy import ToyPipeline, ToyRunner, toy_pipeline


class PlacedRunner(ToyRunner):
    def environment(self):
        return {"gridrun": gridrun.__file__, "placed": __file__}


class PlacedPipeline(ToyPipeline):
    def open_runner(self, settings, stage_hook):
        return PlacedRunner(settings, stage_hook)


class BrokenPipeline(ToyPipeline):
    def open_runner(self, settings, stage_hook):
        raise EnvironmentFault("there is no R on this machine", todo="install r-base-core")


_TOY = toy_pipeline()
PIPELINE = PlacedPipeline(_TOY.parameters, "1", "placed:PIPELINE")
BROKEN = BrokenPipeline(_TOY.parameters, "1", "placed:BROKEN")
