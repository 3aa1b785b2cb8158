<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><w:t id="wrong.title"/></xsl:template>
<xsl:template match="page" mode="foot"><xsl:for-each select="wrong"><xsl:call-template name="foot-sender"/></xsl:for-each></xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="wrong">
    <div class="sheet">
      <xsl:call-template name="who"/>
      <hr/>
      <h1><w:t id="wrong.title"/></h1>
      <p>
        <xsl:choose>
          <xsl:when test="sender/@address = ''"><w:t id="wrong.text-nobody"/></xsl:when>
          <xsl:otherwise><w:t id="wrong.text" sender="sender/@shown"/></xsl:otherwise>
        </xsl:choose>
      </p>
      <form method="post" action="{@action}">
        <xsl:call-template name="csrf"/>
        <div class="field">
          <label for="pickup"><w:t id="form.pickup"/></label>
          <p class="hint" id="pickup-hint"><w:t id="wrong.hint"/></p>
          <xsl:if test="@problem"><p class="problem" id="problem" role="alert"><w:t id="problem.wrong-pickup"/></p></xsl:if>
          <input id="pickup" name="pickup" class="code" type="text" autocomplete="off" autocapitalize="characters" spellcheck="false" required="required" maxlength="200" placeholder="XXXX-XXXX" aria-describedby="pickup-hint">
            <xsl:if test="@problem"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
          </input>
        </div>
        <div class="row"><button class="btn" type="submit"><xsl:choose><xsl:when test="sender/@address = ''"><w:t id="wrong.tell-nobody"/></xsl:when><xsl:otherwise><w:t id="wrong.tell" sender="sender/@shown"/></xsl:otherwise></xsl:choose></button><a href="/m/{@code}"><w:t id="wrong.back"/></a></div>
      </form>
    </div>
  </xsl:for-each>
</xsl:template>

</xsl:stylesheet>
