<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<!-- Whatever went wrong: a sentence, what to do next, and a name for it that support can find. -->
<xsl:template match="page" mode="title"><xsl:call-template name="heading"/></xsl:template>

<xsl:template name="heading">
  <xsl:choose>
    <xsl:when test="not(/page/@tenant) and /page/@error = 'not_found'"><w:t id="error.no-tenant"/></xsl:when>
    <xsl:when test="/page/@error = 'not_found'"><w:t id="error.h-not-found"/></xsl:when>
    <xsl:when test="/page/@error = 'expired' or /page/@error = 'gone'"><w:t id="error.h-gone"/></xsl:when>
    <xsl:when test="/page/@error = 'denied'"><w:t id="error.h-denied"/></xsl:when>
    <xsl:when test="/page/@error = 'too_many'"><w:t id="error.h-later"/></xsl:when>
    <xsl:when test="starts-with(/page/@error, 'busy')"><w:t id="error.h-busy"/></xsl:when>
    <xsl:when test="/page/@error = 'unavailable' or /page/@error = 'unknown'"><w:t id="error.h-unavailable"/></xsl:when>
    <xsl:when test="/page/@error = 'bad_input' or /page/@error = 'type' or /page/@error = 'too_big' or /page/@error = 'conflict'"><w:t id="error.h-input"/></xsl:when>
    <xsl:otherwise><w:t id="error.h-internal"/></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template match="page" mode="main">
  <div class="sheet">
    <h1><xsl:call-template name="heading"/></h1>
    <p>
      <xsl:choose>
        <xsl:when test="@error = 'busy'"><w:t id="error.busy"/></xsl:when>
        <xsl:when test="@error = 'busy-you'"><w:t id="error.busy-you"/></xsl:when>
        <xsl:otherwise><xsl:value-of select="sentence"/></xsl:otherwise>
      </xsl:choose>
    </p>
    <xsl:if test="@tenant">
      <div class="row">
        <xsl:choose>
          <xsl:when test="@signed = 'guest' or @signed = 'account'"><a class="btn" href="/inbox"><w:t id="ended.inbox"/></a></xsl:when>
          <xsl:otherwise><a class="btn" href="/"><w:t id="ended.home"/></a></xsl:otherwise>
        </xsl:choose>
      </div>
    </xsl:if>
  </div>
</xsl:template>

<!-- Who does not find something is told the same for every address: no name of the request there. -->
<xsl:template match="page" mode="foot">
  <xsl:if test="@error != 'not_found' and @request"><p><w:t id="error.request" request="@request"/></p></xsl:if>
</xsl:template>

</xsl:stylesheet>
